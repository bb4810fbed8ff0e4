/* The ranks of one machine: which they are, and whether their processes are alive. For ranks.c. */
#ifndef HM_PEERS_H
#define HM_PEERS_H

#include "ranks/ranks.h"

/* Learns where every rank runs: fills r->local, r->locals, r->sharing, r->peers. 0 or HM_EDATA. */
int hm_peers_meet(struct hm_ranks *r, struct hm_err *e);
/* Says to the watching ranks that this process's end is meant, or that it says why it ends. */
void hm_peers_leave(struct hm_ranks *r);
/* Ends the watch and forgets the peers. */
void hm_peers_part(struct hm_ranks *r);

#endif
