/* The types of the options that only `shoal run` has. Each writes fields of the struct
 * run_options that is the value's target. Main thread. */
#ifndef APP_RUN_OPTION_TYPES_H
#define APP_RUN_OPTION_TYPES_H

#include "app/options.h"

extern const struct option_type option_ramp;       /* ramp_us or ramp_per_s */
extern const struct option_type option_stage;      /* given_stages */
extern const struct option_type option_arrival;    /* arrival */
extern const struct option_type option_engine;     /* engine */
extern const struct option_type option_player;     /* profile */
extern const struct option_type option_variant;    /* variant, variant_rule, variant_index */
extern const struct option_type option_bind;       /* sources */
extern const struct option_type option_resolve;    /* overrides */
extern const struct option_type option_dns;        /* dns_servers */
extern const struct option_type option_user_agent; /* user_agent */
extern const struct option_type option_listen;     /* listen, listen_… */
extern const struct option_type option_threshold;  /* thresholds */
extern const struct option_type option_origin_metrics; /* origin_urls */

#endif
