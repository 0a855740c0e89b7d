#include "chunk_runs.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "media/chunk_file.h"
#include "media_fixtures.h"

/* Twelve seconds with cuts at 3.1, 4.6, 5.4, 7.9, 9.7 and 11.94. */
#define CUTS                                                                                                 \
    "-f lavfi -i testsrc2=s=128x96:r=25:d=3.1 -f lavfi -i mandelbrot=s=128x96:r=25 -f lavfi -i "             \
    "smptebars=s=128x96:r=25:d=0.8 -f lavfi -i testsrc=s=128x96:r=25:d=2.5 -f lavfi -i "                     \
    "sine=440:d=12:r=44100 -filter_complex "                                                                 \
    "\"[1:v]trim=duration=1.5[a];[1:v]trim=start=2:duration=1.8,setpts=PTS-STARTPTS[b];"                     \
    "[0:v]trim=duration=2.24[c];[3:v]trim=duration=0.08[d];[0:v][a][2:v][3:v][b][c][d]concat=n=7,"           \
    "format=yuv420p,crop=%s:0:0:exact=1%s[v]\" -map \"[v]\" -map 4:a -c:a aac %s -c:v ffv1"

const char *clip_plain(void)
{
    char arguments[2048];
    (void)snprintf(arguments, sizeof arguments, CUTS, "128:96", "", "");
    return fixture_clip("plain.mkv", arguments);
}

const char *clip_odd(void)
{
    char arguments[2048];
    (void)snprintf(arguments, sizeof arguments, CUTS, "127:95", "", "");
    return fixture_clip("odd.mkv", arguments);
}

const char *clip_varying(void)
{
    char arguments[2048];
    (void)snprintf(arguments, sizeof arguments, CUTS, "128:96", ",select='not(mod(n,7))+gt(mod(n,5),2)'",
                   "-vsync vfr -enc_time_base 1/90000");
    return fixture_clip("varying.mkv", arguments);
}

/* FFmpeg's wrapper of libx265 loses eight bytes of every frame that is in it when it is closed; where a leak
 * comes from shows only with whole call stacks. See media_fixtures.c. */
const char *__asan_default_options(void); // NOLINT(bugprone-reserved-identifier,cert-*)
__attribute__((visibility("default"))) const char *__asan_default_options(void) // NOLINT
{
    return "fast_unwind_on_malloc=0";
}

static void note_chunk(void *context, const ChunkInfo *chunk)
{
    Run *run = context;
    char *path = chunk_file_path(run->folder, chunk->index, true);
    assert_int_equal(chunk->index, run->reused + run->made);
    assert_int_equal(chunk->bytes, file_size(path));
    assert_int_equal(strlen(chunk->checksum), 32);
    assert_true(chunk->packets > 0);
    assert_false(run->last.last);
    if (!chunk->last) {
        assert_int_equal(chunk->next.frame, chunk->begin.frame + chunk->counts.frames);
    }
    run->last = *chunk;
    if (chunk->reused) {
        assert_int_equal(run->made, 0);
        run->reused++;
    } else {
        run->made++;
    }
    chunk_counts_add(&run->counts, &chunk->counts);
    memory_free(path);
}

/* What a job would tell: some number that depends on the frame alone. */
static ChunkCounts counts_of(int64_t number)
{
    return (ChunkCounts){.frames = 99,
                         .with_face = number % 2,
                         .changed = number % 3 == 0,
                         .isolated_gaps = number % 5 == 0,
                         .scene_cuts = number % 7 == 0};
}

static Status write_frames(Run *run, Reader *reader, Writer *writer, Error *err)
{
    AVFrame *frame = av_frame_alloc();
    const int64_t from = writer_resume(writer, &run->resume) ? run->resume.from.frame : 0;
    int64_t before = AV_NOPTS_VALUE;
    Status status = run->resume.complete ? STATUS_EOF : STATUS_OK;
    assert_int_equal(run->resume.chunks, run->reused);
    assert_memory_equal(&run->resume.counts, &run->counts, sizeof run->counts);
    for (int64_t number = 0; status == STATUS_OK; number++) {
        status = reader_next(reader, frame, err);
        frame->pts += status == STATUS_OK ? run->offset : 0;
        if (status == STATUS_OK && number >= from) {
            if (number == run->kill_at) {
                status = STATUS_AGAIN;
                break;
            }
            run->frames_written++;
            assert_true(number > from || from == 0 || frame->pts == run->resume.from.pts);
            const ChunkCounts counts = counts_of(number);
            const bool begins = writer_begins_chunk(writer, frame->pts, before);
            if (run->stop_after != NEVER && run->made >= run->stop_after) {
                writer_stop_at_chunk(writer);
            }
            status = writer_frame(writer, frame, &counts, begins ? (uint64_t)number + 1 : 0, err);
            before = frame->pts;
        }
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
    return status;
}

Status run_go(Run *run, Error *err)
{
    Reader *reader = NULL;
    Writer *writer = NULL;
    const ReaderConfig source = {.path = run->input, .threads = 2};
    run->made = run->reused = 0;
    run->frames_written = 0;
    run->counts = (ChunkCounts){0};
    run->last = (ChunkInfo){0};
    assert_int_equal(reader_open(&reader, &source, err), STATUS_OK);
    run->config.path = run->config.final_name = run->output;
    run->config.input_path = run->input;
    run->config.source = reader_info(reader);
    run->config.chunks = (WriterChunks){.folder = run->folder,
                                        .key = run->key,
                                        .seconds = run->seconds,
                                        .source_origin = run->config.source->first_pts + run->offset,
                                        .done = note_chunk,
                                        .context = run};
    Status status = writer_open(&writer, &run->config, err);
    if (status == STATUS_OK) {
        status = write_frames(run, reader, writer, err);
    }
    if (status == STATUS_EOF) {
        status = writer_finish(writer, &run->summary, err);
    }
    writer_free(&writer);
    reader_free(&reader);
    return status;
}

void run_expect(Run *run, Status expected)
{
    Error err = {0};
    char text[1600];
    const Status status = run_go(run, &err);
    if (status != expected) {
        fail_msg("%d instead of %d: %s", status, expected, error_text(&err, text, sizeof text));
    }
}

Run run_new(WriterConfig config, const char *output, const char *folder, double seconds)
{
    Run run = {.config = config, .key = RUN_KEY, .seconds = seconds, .stop_after = NEVER, .kill_at = NEVER};
    text_copy(run.input, sizeof run.input, config.input_path);
    text_copy(run.output, sizeof run.output, fixture_path(output));
    text_copy(run.folder, sizeof run.folder, fixture_path(folder));
    assert_int_equal(chunk_folder_clear(run.folder, 0, NULL), STATUS_OK);
    assert_int_equal(folder_make(run.folder, NULL), STATUS_OK);
    return run;
}

size_t run_files(const Run *run)
{
    DIR *listing = opendir(run->folder);
    size_t count = 0;
    assert_non_null(listing);
    for (const struct dirent *entry = NULL; (entry = readdir(listing)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(listing);
    return count;
}

/* Other demuxers guess them. */
static bool has_dts(const FileNote *note)
{
    return strstr(note->format->iformat->name, "mp4") != NULL;
}

static int by_pts(const void *a, const void *b)
{
    const PacketNote *x = a;
    const PacketNote *y = b;
    return (x->pts > y->pts) - (x->pts < y->pts);
}

/* Which pictures are sent before their turn is the encoder's choice: with threads it is not always the same.
 * So the times of decoding are compared in the order of the file, the rest in the order of showing. */
static void assert_same_times_and_keys(const StreamNote *a, const StreamNote *b, bool exact, const char *name)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; exact && i < a->count; i++) {
        assert_int_equal(a->packets[i].dts, b->packets[i].dts);
    }
    qsort(a->packets, a->count, sizeof *a->packets, by_pts);
    qsort(b->packets, b->count, sizeof *b->packets, by_pts);
    for (size_t i = 0; i < a->count; i++) {
        const PacketNote *p = &a->packets[i];
        const PacketNote *q = &b->packets[i];
        const bool keys[] = {(p->flags & AV_PKT_FLAG_KEY) != 0, (q->flags & AV_PKT_FLAG_KEY) != 0};
        if (p->pts != q->pts || p->duration != q->duration || keys[0] != keys[1]) {
            fail_msg("%s: picture %zu: pts %lld duration %lld key %d instead of %lld %lld %d", name, i,
                     (long long)q->pts, (long long)q->duration, keys[1], (long long)p->pts,
                     (long long)p->duration, keys[0]);
        }
    }
}

void assert_same_stream(const char *a, const char *b)
{
    static const enum AVMediaType types[] = {AVMEDIA_TYPE_VIDEO, AVMEDIA_TYPE_AUDIO};
    FileNote notes[2] = {note_file(a), note_file(b)};
    for (int i = 0; i < 2; i++) {
        const StreamNote *x = note_stream(&notes[0], types[i], 0);
        const StreamNote *y = note_stream(&notes[1], types[i], 0);
        assert_true((x == NULL) == (y == NULL));
        if (x != NULL) {
            assert_same_times_and_keys(x, y, has_dts(&notes[0]), b);
        }
    }
    note_free(&notes[0]);
    note_free(&notes[1]);
}

void assert_continuous(const char *path, int64_t frames)
{
    FileNote note = note_file(path);
    const StreamNote *video = note_stream(&note, AVMEDIA_TYPE_VIDEO, 0);
    assert_int_equal(video->count, frames);
    const bool exact = has_dts(&note);
    for (size_t i = 1; exact && i < video->count; i++) {
        assert_true(video->packets[i].dts > video->packets[i - 1].dts);
    }
    note_free(&note);
    assert_int_equal(decode_cleanly(path), frames);
}

void assert_same_result(const Run *whole, const Run *parts)
{
    const WriterSummary *a = &whole->summary;
    const WriterSummary *b = &parts->summary;
    assert_same_stream(whole->output, parts->output);
    assert_continuous(parts->output, a->frames);
    assert_int_equal(parts->reused + parts->made, whole->made);
    assert_memory_equal(&whole->counts, &parts->counts, sizeof whole->counts);
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->frames_dropped, b->frames_dropped);
    assert_int_equal(a->frames_repeated, b->frames_repeated);
    assert_int_equal(a->first_pts, b->first_pts);
    assert_int_equal(a->last_pts, b->last_pts);
    assert_true(a->duration_s == b->duration_s);
    assert_int_equal(a->audio_streams, b->audio_streams);
}
