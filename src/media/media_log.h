/* Brings FFmpeg's own messages into our log. */
#ifndef RUNBATCH_MEDIA_MEDIA_LOG_H
#define RUNBATCH_MEDIA_MEDIA_LOG_H

/* Routes FFmpeg's errors to log_info and its warnings to log_debug, at most a few hundred a process, because
 * a damaged file can give one a packet. Process-global: called once at start, before other threads. */
void media_log_init(void);

#endif
