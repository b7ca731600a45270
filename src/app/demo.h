/* `shoal demo`: a test origin as a child process on loopback and a swarm against it, so that
 * one command shows something real. Main thread. */
#ifndef APP_DEMO_H
#define APP_DEMO_H

/* Runs the subcommand; argv[0] is "demo", what follows are options of `shoal run` that replace
 * the demo's own. Returns the exit status: 0 when the run worked, whatever the verdict on its
 * figures is. */
int app_demo_main(int argc, char **argv);

#endif
