/* Threads of observers. */
#ifndef VIEW_THREAD_H
#define VIEW_THREAD_H

/* Names the calling thread (at most 15 characters, as ps -L and top -H show it) and lets it
 * give way to the worker threads where the cores are short: observers must not slow the swarm.
 */
void thread_give_way(const char *name);

#endif
