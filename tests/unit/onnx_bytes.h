/* ONNX files byte by byte, as a test wants them: protobuf's wire format. */
#ifndef RUNBATCH_TESTS_ONNX_BYTES_H
#define RUNBATCH_TESTS_ONNX_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 512 };

typedef struct Bytes {
    unsigned char data[MOST];
    size_t count;
} Bytes;

static inline void put(Bytes *to, const void *data, size_t count)
{
    assert_true(to->count + count <= MOST);
    memcpy(to->data + to->count, data, count);
    to->count += count;
}

static inline void put_varint(Bytes *to, uint64_t value)
{
    do {
        const unsigned char byte = (unsigned char)((value & 0x7fU) | (value > 0x7fU ? 0x80U : 0));
        put(to, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static inline void put_number(Bytes *to, unsigned field, uint64_t value)
{
    put_varint(to, field << 3);
    put_varint(to, value);
}

static inline void put_part(Bytes *to, unsigned field, const void *data, size_t count)
{
    put_varint(to, field << 3 | 2U);
    put_varint(to, count);
    put(to, data, count);
}

#endif
