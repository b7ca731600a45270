/* `shoal report`: prints, converts, compares and merges the reports of finished runs. Main
 * thread. */
#ifndef APP_REPORT_H
#define APP_REPORT_H

struct option_command;

/* Runs the subcommand; argv[0] is "report". Returns the exit status: that of the run printed,
 * or of the runs merged; 1 when a comparison marks something as worse. */
int app_report_main(int argc, char **argv);

/* Its options. */
const struct option_command *app_report_command(void);

#endif
