/* A table of numbers out of an ONNX file: the last of its initialisers, where some models keep what is not
 * part of their network. Read by a small reader of protobuf messages, without loading the model: a few pages
 * and the table, whatever the file's size, and nothing in it is believed. */
#ifndef RUNBATCH_INFER_INITIALIZER_H
#define RUNBATCH_INFER_INITIALIZER_H

#include "base/error.h"

/* The last initialiser, which must be `rows` x `columns` numbers of 32 or 16 bits, row by row into `values`.
 * ERROR_MODEL for a file that has none, or another, or is no model. */
Status last_initializer_read(const char *path, int rows, int columns, float *values, Error *err);

/* The same of an open file; `path` is for messages only. */
Status last_initializer_read_fd(int fd, const char *path, int rows, int columns, float *values, Error *err);

#endif
