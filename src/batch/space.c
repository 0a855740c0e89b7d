#include "batch/space.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/phrase.h"
#include "worker/needed_models.h"

/* A video's chunks, its output, its log, and what the store adds. */
enum { FILES_LEAST = 16 };
static const double reserve_bytes = 1e9;
static const double reserve_share = 0.02;
static const double sound_bytes_a_second = 32000.0;
static const double most_bytes = 1e18;

static int64_t whole_bytes(double bytes)
{
    return bytes > 0 ? (int64_t)fmin(bytes, most_bytes) : 0;
}

/* ---- how large it gets ---- */

void space_learn(SpaceHistory *history, const SpaceVideo *video, int64_t output_bytes)
{
    if (output_bytes <= 0 || video->input_bytes <= 0) {
        return;
    }
    history->input_bytes += (double)video->input_bytes;
    history->output_bytes += (double)output_bytes;
    if (video->width > 0 && video->height > 0 && video->duration_s > 0) {
        history->pixel_seconds += (double)video->width * video->height * video->duration_s;
        history->pixel_bytes += (double)output_bytes;
    }
}

/* The encoder's crf (or what corresponds to it) as encoder_options works it out. */
static double quality_level(const Settings *settings)
{
    return (double)((settings->output_video_quality + 1) * 51 / 100);
}

/* Bits for a pixel of a frame. Six steps of crf halve the rate (x264's quantiser scale); 0.1 at crf 23 is
 * usual for filmed material; the newer codecs need about two thirds of it. */
static double bits_a_pixel(const Settings *settings)
{
    const char *encoder = settings->output_video_encoder;
    const bool is_avc = encoder == NULL || strstr(encoder, "264") != NULL;
    const double bits = 0.1 * exp2((23.0 - quality_level(settings)) / 6.0);
    return fmin(is_avc ? bits : bits * 0.67, 12.0);
}

int64_t space_encoded_bytes(const SpaceVideo *video, const Settings *settings, const SpaceHistory *history)
{
    const double pixel_seconds = (double)video->width * video->height * video->duration_s;
    if (pixel_seconds > 0) {
        const double rate = video->frame_rate > 0 ? video->frame_rate : 30.0;
        const int enlarge = output_factor(settings);
        const double guess = bits_a_pixel(settings) / 8.0 * rate * enlarge * enlarge;
        const bool known = history->pixel_seconds > 0;
        return whole_bytes(pixel_seconds * (known ? history->pixel_bytes / history->pixel_seconds : guess) +
                           (known ? 0.0 : video->duration_s * sound_bytes_a_second));
    }
    if (history->input_bytes > 0) {
        return whole_bytes((double)video->input_bytes * history->output_bytes / history->input_bytes);
    }
    const int enlarge = output_factor(settings);
    const double factor = exp2((23.0 - quality_level(settings)) / 6.0);
    return whole_bytes((double)video->input_bytes * fmax(0.25, fmin(factor, 2.0)) * enlarge * enlarge);
}

/* A JPEG of good quality takes half a byte, a PNG of filmed material some two thirds of its samples' bytes:
 * three of one byte, or of two where the video has more than 8 bits. */
static double frame_file_bytes_a_pixel(const SpaceVideo *video, const Settings *settings)
{
    const bool is_png =
        settings->temp_frame_format == NULL || strcmp(settings->temp_frame_format, "png") == 0;
    if (!is_png) {
        return 0.5;
    }
    return video->bit_depth > 8 ? 4.0 : 2.0;
}

/* Frame files of two chunks, as they are written by the one while the other is read; of all where they are
 * kept. */
static int64_t frame_files_bytes(const SpaceVideo *video, const Settings *settings)
{
    const double rate = video->frame_rate > 0 ? video->frame_rate : 30.0;
    double seconds = video->duration_s;
    if (!settings->keep_frames || seconds <= 0) {
        seconds = fmin(2.0 * settings->chunk_seconds, seconds > 0 ? seconds : 1e9);
    }
    const int enlarge = output_factor(settings);
    const double pixels = (double)video->width * video->height * rate * seconds * enlarge * enlarge;
    return settings_frames_on_disk(settings) ? whole_bytes(pixels * frame_file_bytes_a_pixel(video, settings))
                                             : 0;
}

SpaceNeed space_need(const SpaceVideo *video, const Settings *settings, const SpaceHistory *history)
{
    const int64_t encoded = space_encoded_bytes(video, settings, history);
    const int64_t chunks = encoded > video->chunk_bytes ? encoded - video->chunk_bytes : 0;
    return (SpaceNeed){.bytes = {[SPACE_WORK] = chunks,
                                 [SPACE_OUTPUT] = encoded,
                                 [SPACE_FRAMES] = frame_files_bytes(video, settings)}};
}

void space_add(SpaceNeed *sum, const SpaceNeed *need)
{
    for (int i = 0; i < SPACE_PLACES; i++) {
        sum->bytes[i] = whole_bytes((double)sum->bytes[i] + (double)need->bytes[i]);
    }
}

/* ---- whether it is there ---- */

SpaceVolume space_look(const char *folder)
{
    SpaceVolume volume = {.folder = folder, .files_free = -1};
    char *path = path_nearest(folder);
    struct stat status;
    struct statvfs system;
    if (stat(path, &status) == 0 && statvfs(path, &system) == 0 && system.f_blocks > 0) {
        const double block = (double)(system.f_frsize > 0 ? system.f_frsize : system.f_bsize);
        volume.known = true;
        volume.device = status.st_dev;
        volume.total = whole_bytes((double)system.f_blocks * block);
        volume.free = whole_bytes((double)system.f_bavail * block);
        volume.files_free = system.f_files > 0 ? whole_bytes((double)system.f_favail) : -1;
    }
    memory_free(path);
    return volume;
}

void space_look_all(const Settings *settings, const char *state_dir, const char *output_dir,
                    SpaceVolume (*look)(const char *folder), SpaceVolume volumes[SPACE_PLACES])
{
    volumes[SPACE_WORK] = look(state_dir);
    volumes[SPACE_OUTPUT] = look(output_dir);
    /* what is told is the folder that users know */
    volumes[SPACE_WORK].folder =
        volumes[SPACE_WORK].device == volumes[SPACE_OUTPUT].device ? output_dir : state_dir;
    volumes[SPACE_FRAMES] = (SpaceVolume){0};
    if (settings_frames_on_disk(settings)) {
        const char *beside = settings->keep_frames ? output_dir : state_dir;
        volumes[SPACE_FRAMES] = look(settings->temp_dir != NULL ? settings->temp_dir : beside);
    }
}

int64_t space_reserve(const Share *asked, int64_t total)
{
    if (asked->percent > 0) {
        return whole_bytes((double)total * asked->percent / 100.0);
    }
    return asked->bytes > 0 ? asked->bytes : whole_bytes(fmin(reserve_bytes, (double)total * reserve_share));
}

/* What the places on the volume of `place` need together. */
static int64_t sum_of_volume(const SpaceVolume *volumes, const SpaceNeed *need, int place)
{
    double sum = 0;
    for (int i = 0; i < SPACE_PLACES; i++) {
        if (volumes[i].known && volumes[i].device == volumes[place].device) {
            sum += (double)need->bytes[i];
        }
    }
    return whole_bytes(sum);
}

SpaceVerdict space_fits(const SpaceVolume *volumes, const SpaceNeed *need, const SpaceNeed *promised,
                        const Share *reserve)
{
    for (int i = 0; i < SPACE_PLACES; i++) {
        if (!volumes[i].known) {
            continue;
        }
        SpaceVerdict verdict = {.volume = volumes[i],
                                .need = sum_of_volume(volumes, need, i),
                                .reserve = space_reserve(reserve, volumes[i].total)};
        const int64_t others = sum_of_volume(volumes, promised, i);
        verdict.volume.free = volumes[i].free > others ? volumes[i].free - others : 0;
        const bool files = volumes[i].files_free < 0 || volumes[i].files_free >= FILES_LEAST;
        if (!files || verdict.volume.free < verdict.reserve ||
            verdict.volume.free - verdict.reserve < verdict.need) {
            return verdict;
        }
    }
    return (SpaceVerdict){.enough = true};
}

SpaceVerdict space_may_go_on(const SpaceVolume volumes[SPACE_PLACES], const Share *reserve, bool held)
{
    for (int i = 0; i < SPACE_PLACES; i++) {
        const int64_t least = space_reserve(reserve, volumes[i].total);
        if (volumes[i].known && volumes[i].free < least + (held ? least / 4 : 0)) {
            return (SpaceVerdict){.volume = volumes[i], .reserve = least};
        }
    }
    return (SpaceVerdict){.enough = true};
}

const char *space_text(const SpaceVerdict *verdict, char *buffer, size_t size)
{
    char need[32];
    char free[32];
    char total[32];
    char reserve[32];
    Text folder = {0};
    format_bytes(verdict->need, need, sizeof need);
    format_bytes(verdict->volume.free, free, sizeof free);
    format_bytes(verdict->volume.total, total, sizeof total);
    format_bytes(verdict->reserve, reserve, sizeof reserve);
    format_name(&folder, verdict->volume.folder);
    if (verdict->volume.files_free >= 0 && verdict->volume.files_free < FILES_LEAST) {
        (void)phrase_make(buffer, size, N_("no more files can be made on the volume of %s"), folder.data);
    } else if (verdict->need > 0) {
        (void)phrase_make(buffer, size, N_("needs %s, %s free of %s on %s, reserve %s"), need, free, total,
                          folder.data, reserve);
    } else {
        (void)phrase_make(buffer, size, N_("%s free of %s on %s, below the reserve of %s"), free, total,
                          folder.data, reserve);
    }
    text_free(&folder);
    return buffer;
}
