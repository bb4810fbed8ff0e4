/* Signals: what handles them, and on which stack.
 *
 * Handlers run on a stack of their own. Kernels that oneDNN generates keep an address of the heap in the
 * stack pointer while they multiply (dnnl_sgemm, without copies of the matrices). The frame of a signal that
 * arrives then would be written below this address, over whatever the heap holds there. */
#ifndef HM_SIGNALS_H
#define HM_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

/* Sets what handles a signal, like sigaction. The handler runs on the alternate stack of the thread that gets
 * the signal; the calling thread, which must be the program's first one, is given one. Other threads have one
 * if hm_thread_start started them. */
void hm_signal_handle(int number, const struct sigaction *a);
/* False if the signal has a handler or is ignored, as nohup does with some. */
bool hm_signal_has_default(int number);

/* Starts fn(arg) in a thread that gets no signal which other processes send: those are for the thread that
 * started it, where they can wait until a file has its name. The caller joins it. 0, or an errno value. */
int hm_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

#endif
