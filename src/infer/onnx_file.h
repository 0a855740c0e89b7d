/* A small reader of protobuf messages, for what is to be known of an ONNX file without loading it. Parts are
 * skipped, not read: a few pages, whatever the file's size. Nothing in it is believed: every length is held
 * to the message around it, and there is a most of fields. Private to src/infer. Source: protobuf's wire
 * format; numbers of fields by onnx.proto (ONNX 1.16).
 */
#ifndef RUNBATCH_INFER_ONNX_FILE_H
#define RUNBATCH_INFER_ONNX_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A part of the file: a message, or the bytes of a field. */
typedef struct OnnxPart {
    int64_t at;
    int64_t end;
} OnnxPart;

enum { ONNX_VARINT = 0, ONNX_BYTES = 2 /* kinds of fields that matter */ };

typedef struct OnnxField {
    int number;
    int wire;
    uint64_t value; /* of a varint */
    OnnxPart bytes;
} OnnxField;

typedef struct OnnxFile {
    int fd;
    const char *path; /* for messages, */
    const char *what; /* with what could not be done */
    int fields;       /* that were read so far */
} OnnxFile;

/* Finds the graph. ERROR_MODEL where there is none. */
Status onnx_open(OnnxFile *file, int fd, const char *path, const char *what, OnnxPart *graph, Error *err);

/* The next field of a message, which goes on behind it; STATUS_EOF behind its last. */
Status onnx_next(OnnxFile *file, OnnxPart *message, OnnxField *field, Error *err);
/* The last field of that number that holds bytes; `missing` is told where there is none. */
Status onnx_find_last(OnnxFile *file, OnnxPart message, int number, OnnxPart *found, const char *missing,
                      Error *err);
/* A varint at the beginning of the part, which goes on behind it. */
Status onnx_varint(const OnnxFile *file, OnnxPart *part, uint64_t *value, Error *err);
Status onnx_read(const OnnxFile *file, int64_t at, void *buffer, size_t count, Error *err);

/* ERROR_MODEL. */
Status onnx_refuse(const OnnxFile *file, const char *why, Error *err);
Status onnx_damaged(const OnnxFile *file, Error *err);

#endif
