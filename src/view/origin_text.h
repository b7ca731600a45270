/* What an exporter on the server's side says, in the few figures that are shown beside the
 * swarm's: node_exporter, the nginx exporter, nginx's stub_status page, Shoal's own origin, or
 * anything with process_cpu_seconds_total. Pure. */
#ifndef VIEW_ORIGIN_TEXT_H
#define VIEW_ORIGIN_TEXT_H

#include "base/span.h"

/* Totals and states; NAN where the text does not say. */
struct origin_totals {
    double cpu_s;       /* CPU time spent, of all processors */
    double sent_bytes;  /* to the network, loopback left out where it can be told */
    double requests;    /* served */
    double connections; /* open now */
};

/* Reads the answer of an exporter. Lines that it does not know are passed over. */
void origin_text_read(struct span body, struct origin_totals *out);

#endif
