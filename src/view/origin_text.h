/* What an exporter on the server's side says, in the few figures that are shown beside the
 * swarm's: node_exporter, the nginx exporter, nginx's stub_status page, Shoal's own origin, or
 * anything with process_cpu_seconds_total. Pure. */
#ifndef VIEW_ORIGIN_TEXT_H
#define VIEW_ORIGIN_TEXT_H

#include "base/span.h"

#include <stdbool.h>

/* What speaks, by what it says: of several on one host, those further down know better of CPU
 * and network, those further up of requests and connections. */
enum origin_kind {
    ORIGIN_SHOAL,
    ORIGIN_NGINX,       /* the nginx exporter */
    ORIGIN_STUB_STATUS, /* nginx itself */
    ORIGIN_PROCESS,     /* something else with process_cpu_seconds_total */
    ORIGIN_MACHINE,     /* node_exporter */
    ORIGIN_KINDS,
};

/* "node_exporter" and so on. */
extern const char *const origin_kind_names[ORIGIN_KINDS];

/* Totals and states; NAN where the text does not say. */
struct origin_totals {
    double cpu_s;       /* CPU time spent, of all processors, waiting for a disk left out */
    double sent_bytes;  /* to the network; loopback and devices inside the machine left out */
    double requests;    /* served */
    double connections; /* open now */
    enum origin_kind kind;
    bool down; /* the exporter answers, and says that its server does not */
};

/* Reads the answer of an exporter. Lines that it does not know are passed over. */
void origin_text_read(struct span body, struct origin_totals *out);

#endif
