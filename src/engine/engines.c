#include "engine/engine.h"

#include "engine/ffmpeg/ffmpeg.h"
#include "engine/native/native.h"

#include <stddef.h>

const struct engine_type *const engine_types[] = {
    &engine_native,
    &engine_ffmpeg,
    NULL,
};
