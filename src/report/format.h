/* Numbers and names as a person reads them. Any thread. */
#ifndef RUNBATCH_REPORT_FORMAT_H
#define RUNBATCH_REPORT_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "memory/machine.h"

/* "512 B", "3.4 MB", "1.20 GB" (powers of 1024, as the lines about memory have always counted); `size` >= 16.
 * Returns `buffer`. */
const char *format_bytes(int64_t bytes, char *buffer, size_t size);

/* "0.62 GB" (of 10^9 bytes), as limits of memory are given and told; `size` >= 16. Returns `buffer`. */
const char *format_gigabytes(int64_t bytes, char *buffer, size_t size);

/* The last part of a path with control characters replaced. */
void format_name(Text *text, const char *path);

/* "what: file: why (todo)" for a line that names `video` already: the file is left out when it is that one.
 * Returns `buffer`. */
const char *format_reason(const Error *error, const char *video, char *buffer, size_t size);

/* "Memory: 8.5 GB / 16.0 GB (53.1 %)" in the user's language, without a newline; behind it whose limit that
 * is where it is a control group's. */
void format_memory(Text *text, const MemoryReading *reading);

#endif
