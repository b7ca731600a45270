#include "view/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICER = 5 };

void thread_give_way(const char *name)
{
    pthread_setname_np(pthread_self(), name);
    /* On Linux niceness belongs to a thread. It may only rise, and where it may not even do
     * that nothing is lost. */
    id_t self = (id_t)gettid();
    setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + NICER);
}
