#include "infer/onnx_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIRE_FIXED64 = 1, WIRE_FIXED32 = 5 };
enum {
    VARINT_MOST = 10,
    FIELDS_MOST = 1 << 20 /* real models have thousands */
};

Status onnx_refuse(const OnnxFile *file, const char *why, Error *err)
{
    return error_set(err, ERROR_MODEL, file->what, file->path, why);
}

Status onnx_damaged(const OnnxFile *file, Error *err)
{
    return onnx_refuse(file, "it is not an ONNX model, or it is damaged or cut off", err);
}

Status onnx_read(const OnnxFile *file, int64_t at, void *buffer, size_t count, Error *err)
{
    char *to = buffer;
    while (count > 0) {
        const ssize_t got = pread(file->fd, to, count, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_set_errno(err, ERROR_MODEL, file->what, file->path, errno);
        }
        if (got == 0) {
            return onnx_damaged(file, err);
        }
        to += got;
        at += got;
        count -= (size_t)got;
    }
    return STATUS_OK;
}

Status onnx_varint(const OnnxFile *file, OnnxPart *part, uint64_t *value, Error *err)
{
    unsigned char bytes[VARINT_MOST];
    const int64_t left = part->end - part->at;
    const size_t most = left < VARINT_MOST ? (size_t)left : VARINT_MOST;
    if (onnx_read(file, part->at, bytes, most, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    *value = 0;
    for (size_t i = 0; i < most; i++) {
        *value |= (uint64_t)(bytes[i] & 0x7fU) << (7 * i);
        if ((bytes[i] & 0x80U) == 0) {
            part->at += (int64_t)i + 1;
            return STATUS_OK;
        }
    }
    return onnx_damaged(file, err);
}

/* The next field of a message; STATUS_EOF behind its last. */
Status onnx_next(OnnxFile *file, OnnxPart *message, OnnxField *field, Error *err)
{
    uint64_t tag = 0;
    uint64_t length = 0;
    if (message->at == message->end) {
        return STATUS_EOF;
    }
    if (onnx_varint(file, message, &tag, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    *field = (OnnxField){.number = tag >> 3 <= INT32_MAX ? (int)(tag >> 3) : 0, .wire = (int)(tag & 7U)};
    if (field->number == 0 || ++file->fields > FIELDS_MOST) {
        return onnx_damaged(file, err);
    }
    Status status = STATUS_OK;
    switch (field->wire) {
    case ONNX_VARINT:
        return onnx_varint(file, message, &field->value, err);
    case ONNX_BYTES:
        status = onnx_varint(file, message, &length, err);
        break;
    case WIRE_FIXED64:
        length = sizeof(uint64_t);
        break;
    case WIRE_FIXED32:
        length = sizeof(uint32_t);
        break;
    default:
        return onnx_damaged(file, err);
    }
    if (status != STATUS_OK || length > (uint64_t)(message->end - message->at)) {
        return status != STATUS_OK ? status : onnx_damaged(file, err);
    }
    field->bytes = (OnnxPart){message->at, message->at + (int64_t)length};
    message->at += (int64_t)length;
    return STATUS_OK;
}

/* The last field of that number that holds bytes. */
Status onnx_find_last(OnnxFile *file, OnnxPart message, int number, OnnxPart *found, const char *missing,
                      Error *err)
{
    OnnxField field;
    Status status = STATUS_OK;
    *found = (OnnxPart){-1, -1};
    while ((status = onnx_next(file, &message, &field, err)) == STATUS_OK) {
        if (field.number == number && field.wire == ONNX_BYTES) {
            *found = field.bytes;
        }
    }
    if (status == STATUS_EOF) {
        status = found->at >= 0 ? STATUS_OK : onnx_refuse(file, missing, err);
    }
    return status;
}

Status onnx_open(OnnxFile *file, int fd, const char *path, const char *what, OnnxPart *graph, Error *err)
{
    enum { MODEL_GRAPH = 7 };
    struct stat info;
    *file = (OnnxFile){.fd = fd, .path = path, .what = what};
    if (fstat(fd, &info) != 0) {
        return error_set_errno(err, ERROR_MODEL, what, path, errno);
    }
    const OnnxPart whole = {0, info.st_size};
    return onnx_find_last(file, whole, MODEL_GRAPH, graph, "it is not an ONNX model", err);
}
