#include "media/chunk_track.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"

typedef struct Piece {
    ChunkPoint begin;
    ChunkCounts counts;
    int64_t first_pts; /* of its pictures; valid when `sent` > 0 */
    int64_t sent;      /* pictures that went to the encoder */
} Piece;

struct ChunkTrack {
    char *folder;
    const ChunkStream *stream;
    void (*done)(void *context, const ChunkInfo *chunk);
    void *context;
    int index;     /* of the first piece */
    Piece *pieces; /* in the encoder, the oldest first: the one whose packets come out */
    int count;
    int capacity;
    ChunkWriter *file; /* of the first piece; NULL before its first packet */
    int64_t written;   /* packets of the first piece */
    bool warned;
};

ChunkTrack *chunk_track_new(const WriterChunks *chunks, const ChunkStream *stream, int index)
{
    ChunkTrack *track = memory_alloc(1, sizeof *track);
    track->folder = text_duplicate(chunks->folder);
    track->stream = stream;
    track->done = chunks->done;
    track->context = chunks->context;
    track->index = index;
    return track;
}

void chunk_track_free(ChunkTrack **track)
{
    ChunkTrack *t = *track;
    if (t == NULL) {
        return;
    }
    chunk_writer_free(&t->file);
    memory_free(t->pieces);
    memory_free(t->folder);
    memory_free(t);
    *track = NULL;
}

static Piece *latest(const ChunkTrack *track)
{
    return &track->pieces[track->count - 1];
}

void chunk_track_frame(ChunkTrack *track, const ChunkPoint *point, bool begins)
{
    if (track->count > 0 && (!begins || latest(track)->sent == 0)) {
        return;
    }
    if (track->count == track->capacity) {
        track->capacity = track->capacity > 0 ? 2 * track->capacity : 4;
        track->pieces = memory_resize(track->pieces, (size_t)track->capacity, sizeof *track->pieces);
    }
    track->pieces[track->count++] = (Piece){.begin = *point};
}

ChunkCounts *chunk_track_counts(ChunkTrack *track)
{
    return &latest(track)->counts;
}

bool chunk_track_wants_key(const ChunkTrack *track)
{
    return latest(track)->sent == 0;
}

void chunk_track_sent(ChunkTrack *track, int64_t pts)
{
    Piece *piece = latest(track);
    piece->first_pts = piece->sent == 0 ? pts : piece->first_pts;
    piece->sent++;
}

bool chunk_track_waits(const ChunkTrack *track)
{
    return track->count > 1;
}

static void remove_piece(ChunkTrack *track, int place)
{
    track->count--;
    memmove(&track->pieces[place], &track->pieces[place + 1],
            (size_t)(track->count - place) * sizeof *track->pieces);
}

/* The second piece becomes part of the first. */
static void merge(ChunkTrack *track)
{
    chunk_counts_add(&track->pieces[0].counts, &track->pieces[1].counts);
    track->pieces[0].sent += track->pieces[1].sent;
    remove_piece(track, 1);
}

static Status close_chunk(ChunkTrack *track, Error *err)
{
    const bool last = track->count == 1;
    ChunkTrailer trailer = {
        .last = last,
        .counts = track->pieces[0].counts,
        .packets = track->written,
    };
    if (!last) {
        trailer.next = track->pieces[1].begin;
    }
    ChunkInfo info;
    const Status status = chunk_writer_finish(track->file, &trailer, &info, err);
    chunk_writer_free(&track->file);
    track->index++;
    track->written = 0;
    remove_piece(track, 0);
    if (status == STATUS_OK && track->done != NULL) {
        track->done(track->context, &info);
    }
    return status;
}

/* A packet of the second piece's first picture came. */
static Status change(ChunkTrack *track, const AVPacket *packet, Error *err)
{
    if ((packet->flags & AV_PKT_FLAG_KEY) != 0 && track->written == track->pieces[0].sent) {
        return close_chunk(track, err);
    }
    if (!track->warned) {
        track->warned = true;
        log_warn("the encoder makes no closed key frames where it is told to: chunks are longer");
    }
    merge(track);
    return STATUS_OK;
}

Status chunk_track_packet(ChunkTrack *track, const AVPacket *packet, Error *err)
{
    if (track->count > 1 && track->pieces[1].sent > 0 && packet->pts == track->pieces[1].first_pts &&
        change(track, packet, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (track->file == NULL) {
        const ChunkHeader header = {
            .stream = *track->stream, .index = track->index, .begin = track->pieces[0].begin};
        if (chunk_writer_open(&track->file, track->folder, &header, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    track->written++;
    return chunk_writer_packet(track->file, packet, err);
}

Status chunk_track_finish(ChunkTrack *track, Error *err)
{
    while (track->count > 1) {
        merge(track); /* frames that a constant rate dropped, or no key frame came for */
    }
    return track->file != NULL ? close_chunk(track, err) : STATUS_OK;
}
