/* Which ranks run on this machine, and whether their processes are still alive. For ranks.c. */
#ifndef HM_PEERS_H
#define HM_PEERS_H

#include "ranks/ranks.h"

/* Learns where every rank runs: fills r->local, r->locals, r->sharing, r->peers. 0 or HM_EDATA. */
int hm_peers_meet(struct hm_ranks *r, struct hm_err *e);
/* Tells the ranks that watch this process that it is about to end on purpose, so that they do not report it
 * as lost. */
void hm_peers_leave(struct hm_ranks *r);
/* Stops watching and releases r->peers. */
void hm_peers_part(struct hm_ranks *r);

#endif
