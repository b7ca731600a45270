/* `shoal origin`: the test origin as a command. Main thread. */
#ifndef APP_ORIGIN_H
#define APP_ORIGIN_H

#include "app/options.h"

/* Runs the subcommand, argv[0] being "origin", until SIGINT or SIGTERM; returns the exit
 * status. */
int app_origin_main(int argc, char **argv);

/* Its options, for whatever is made from them: help, man page, completion. */
const struct option_command *app_origin_command(void);

#endif
