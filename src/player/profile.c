#include "player/profile.h"

#include <stddef.h>

extern const struct player_profile player_profile_hlsjs;
extern const struct player_profile player_profile_ffmpeg;
extern const struct player_profile player_profile_gstreamer;
extern const struct player_profile player_profile_drain;

const struct player_profile *const player_profiles[] = {
    &player_profile_hlsjs,
    &player_profile_ffmpeg,
    &player_profile_gstreamer,
    &player_profile_drain,
    NULL,
};

const struct player_profile *player_profile_find(struct span name)
{
    for (const struct player_profile *const *p = player_profiles; *p != NULL; p++) {
        if (span_equal(name, span_from_string((*p)->name))) {
            return *p;
        }
    }
    return NULL;
}
