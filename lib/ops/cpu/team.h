/* The threads of a parallel region: an OpenMP runtime of hm's own, in place of libgomp's.
 *
 * gcc turns `#pragma omp parallel` into a call of GOMP_parallel, and oneDNN was compiled by gcc, too. team.c
 * defines these entry points, so the dynamic linker gives them to both. libgomp's threads spin for
 * milliseconds while they wait. A program that has the processors for itself gains by that; two programs that
 * share them take each other's time, and took ten times as long. Here a thread that waits gives way to any
 * other that could run, and sleeps soon.
 *
 * A region of n threads is n slots. Whoever is free takes the next slot, the thread that began the region
 * included. So a region never waits for a thread that the kernel has not started yet. A slot's number, and
 * not the thread that runs it, decides what it computes: results do not depend on who came first.
 *
 * The threads must be called all the same: in some of oneDNN's kernels slots wait for each other by spinning
 * on memory, so a region whose first thread took all slots alone would hang. (Tried twice, since it would
 * suit two programs on two processors.)
 *
 * Each thread of the program that begins regions has a team of its own. Its threads end with it. */
#ifndef HM_TEAM_H
#define HM_TEAM_H

#include "base/err.h"

/* Starts the threads that the calling thread's regions of `n` threads need. Returns 0, or a machine's fault
 * with `e` set. A region of more threads than were reserved starts them itself; that it can is
 * asserted, since OpenMP has no error to return. */
int hm_team_reserve(int n, struct hm_err *e);

#endif
