#include "options/settings.h"

#include <string.h>

#include "options/face_map.h"
#include "options/table.h"
#include "options/value.h"

void settings_defaults(Settings *settings)
{
    *settings = (Settings){0};
    for (size_t i = 0; i < option_count; i++) {
        option_clear(&option_table[i], settings);
        (void)option_assign_fallback(&option_table[i], settings, NULL);
    }
}

void settings_free(Settings *settings)
{
    for (size_t i = 0; i < option_count; i++) {
        option_clear(&option_table[i], settings);
    }
    *settings = (Settings){0};
}

void option_files(const Option *option, const Settings *settings, TextList *paths)
{
    const void *field = option_field_const(option, settings);
    const TextList *list = option->type == OPTION_FILES ? field : NULL;
    const char *path = option->type == OPTION_FILE ? *(char *const *)field : NULL;
    if (path != NULL) {
        text_list_add(paths, path);
    }
    if (path != NULL && path == settings->face_map) {
        face_map_files(path, paths);
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        text_list_add(paths, list->items[i]);
    }
    list = option->paths ? field : NULL;
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (strchr(list->items[i], '/') != NULL) {
            text_list_add(paths, list->items[i]);
        }
    }
}

void settings_files(const Settings *settings, TextList *paths)
{
    for (size_t i = 0; i < option_count; i++) {
        if (option_table[i].picture) {
            option_files(&option_table[i], settings, paths);
        }
    }
}

FrameRate settings_frame_rate(const Settings *settings)
{
    if (settings->output_fps.num > 0) {
        return settings->output_fps;
    }
    return settings->keep_fps ? (FrameRate){0, 1} : (FrameRate){30, 1};
}

int64_t settings_share_bytes(const Share *share, int64_t whole)
{
    return share->percent > 0 ? (int64_t)(share->percent / 100.0 * (double)whole) : share->bytes;
}

static bool has_processor(const Settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->frame_processors.count; i++) {
        if (strcmp(settings->frame_processors.items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

bool settings_swap(const Settings *settings)
{
    return has_processor(settings, "face_swapper");
}

bool settings_needs_source(const Settings *settings)
{
    return settings_swap(settings) && settings->face_map == NULL;
}

static bool is(const char *value, const char *word)
{
    return value != NULL && strcmp(value, word) == 0;
}

bool settings_use_gpu(const Settings *settings)
{
    return strcmp(settings->execution_provider, "cpu") != 0 ||
           strstr(settings->output_video_encoder, "nvenc") != NULL;
}

bool settings_frames_on_disk(const Settings *settings)
{
    return is(settings->frame_store, "disk");
}

void settings_reset(Settings *settings, const char *name)
{
    const Option *option = option_find(name);
    option_clear(option, settings);
    (void)option_assign_fallback(option, settings, NULL);
    settings->from[option - option_table] = SETTINGS_FROM_TABLE;
}

static bool has_mask(const Settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->face_masks.count; i++) {
        if (strcmp(settings->face_masks.items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void settle_masks(Settings *settings)
{
    if (!has_processor(settings, "face_swapper") && !has_processor(settings, "face_enhancer")) {
        settings_reset(settings, "face-mask");
    }
    if (!has_mask(settings, "box")) {
        settings_reset(settings, "face-mask-padding");
    }
    if (!has_mask(settings, "box") && !has_mask(settings, "hull")) {
        settings_reset(settings, "face-mask-blur");
    }
    if (!has_mask(settings, "occlusion")) {
        settings_reset(settings, "face-occluder-model");
    }
    if (!has_mask(settings, "region")) {
        settings_reset(settings, "face-parser-model");
        settings_reset(settings, "face-mask-regions");
    }
}

void settings_settle(Settings *settings)
{
    if (settings->keep_frames && !settings_frames_on_disk(settings)) {
        (void)option_assign(option_find("frame-store"), "disk", settings, NULL);
    }
    if (!settings_frames_on_disk(settings)) {
        settings_reset(settings, "temp-frame-format");
    }
    if (!is(settings->temp_frame_format, "jpg")) {
        settings_reset(settings, "temp-frame-quality");
    }
    if (!has_processor(settings, "face_swapper")) {
        settings_reset(settings, "face-swapper-model");
    }
    if (is(settings->face_swapper_model, "mesh")) {
        settings_reset(settings, "pixel-boost");
    }
    if (!has_processor(settings, "face_enhancer")) {
        settings_reset(settings, "face-enhancer-model");
    }
    if (is(settings->face_enhancer_model, "classical")) {
        settings_reset(settings, "face-enhancer-blend");
    }
    if (!is(settings->face_enhancer_model, "codeformer")) {
        settings_reset(settings, "face-enhancer-weight");
    }
    if (!has_processor(settings, "frame_enhancer")) {
        settings_reset(settings, "frame-enhancer-model");
        settings_reset(settings, "frame-enhancer-blend");
        settings_reset(settings, "tile-size");
    }
    settle_masks(settings);
    if (settings->face_map != NULL) {
        settings_reset(settings, "many-faces");
        settings_reset(settings, "reference-face-position");
        settings_reset(settings, "reference-face-order");
        settings_reset(settings, "reference-frame-number");
        settings_reset(settings, "similar-face-distance");
    }
}
