/* `shoal run`: the load test. Wires options, preflight, statistics, client manager and
 * observers together. Main thread. */
#ifndef APP_RUN_H
#define APP_RUN_H

/* Runs the subcommand, argv[0] being "run"; returns the exit status. */
int app_run_main(int argc, char **argv);

/* The same for a demo: a machine too slow to be trusted is told, and is no failure. */
int app_run_demo(int argc, char **argv);

#endif
