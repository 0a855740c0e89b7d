/* A worker that behaves as the name of its input says: the supervisor's tests run it in place of the real
 * one. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "worker/message.h"
#include "worker/process.h"

static void tell(const Message *message)
{
    if (message_send(PROCESS_CHANNEL_FD, message, NULL) != STATUS_OK) {
        _exit(0);
    }
}

static void tell_raw(const char *text, size_t length)
{
    while (length > 0) {
        const ssize_t count = write(PROCESS_CHANNEL_FD, text, length);
        if (count <= 0) {
            _exit(0);
        }
        text += count;
        length -= (size_t)count;
    }
}

static void sleep_for_ever(void)
{
    for (;;) {
        (void)pause();
    }
}

static void hello(int version)
{
    tell(&(Message){.kind = MESSAGE_HELLO, .version = version, .program = "fake"});
}

static void make_video(const Message *job, bool write_file)
{
    tell(&(Message){.kind = MESSAGE_STARTED, .frames = 10, .width = 64, .height = 48, .codec = "fake"});
    for (int i = 1; i <= 10; i++) {
        tell(&(Message){.kind = MESSAGE_PROGRESS, .frames = i, .fps = 5.0});
    }
    FILE *file = write_file ? fopen(job->temporary, "w") : NULL;
    if (file != NULL) {
        (void)fputs("a video", file);
        (void)fclose(file);
    }
    tell(
        &(Message){.kind = MESSAGE_DONE, .result = {.frames = 10, .frames_changed = 9, .peak_rss_bytes = 1}});
}

static void leave_half_a_file(const Message *job)
{
    FILE *file = fopen(job->temporary, "w");
    if (file != NULL) {
        (void)fputs("half", file);
        (void)fclose(file);
    }
}

static void misbehave_by_messages(const char *way)
{
    if (strcmp(way, "garbage") == 0) {
        tell_raw("}{ nonsense\n", 12);
        sleep_for_ever();
    } else if (strcmp(way, "long") == 0) {
        static char line[2 * MESSAGE_MAX_BYTES];
        memset(line, 'x', sizeof line);
        tell_raw(line, sizeof line);
        sleep_for_ever();
    } else if (strcmp(way, "flood") == 0) {
        for (;;) {
            tell(&(Message){.kind = MESSAGE_PROGRESS, .frames = 1, .fps = 1.0});
        }
    } else if (strcmp(way, "order") == 0) {
        tell(&(Message){.kind = MESSAGE_STOP});
        sleep_for_ever();
    }
}

static void misbehave_by_ending(const char *way)
{
    if (strcmp(way, "silent") == 0) {
        exit(0);
    } else if (strcmp(way, "segv") == 0) {
        (void)fputs("something is broken", stderr);
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
    } else if (strcmp(way, "kill") == 0) {
        (void)raise(SIGKILL);
    } else if (strcmp(way, "memory") == 0) {
        exit(EXIT_OUT_OF_MEMORY);
    } else if (strcmp(way, "hang") == 0) {
        (void)signal(SIGTERM, SIG_IGN);
        sleep_for_ever();
    } else if (strcmp(way, "beats") == 0) {
        for (;;) {
            tell(&(Message){.kind = MESSAGE_PROGRESS, .frames = 3, .fps = 1.0});
            (void)usleep(100 * 1000);
        }
    } else if (strcmp(way, "close") == 0) {
        (void)close(PROCESS_CHANNEL_FD);
        sleep_for_ever();
    }
}

static void run_job(const Message *job)
{
    char *way = path_stem(job->input);
    char *digits = way + strcspn(way, "0123456789");
    *digits = '\0';
    if (strcmp(way, "mute") == 0) {
        sleep_for_ever();
    } else if (strcmp(way, "early") == 0) {
        tell(&(Message){.kind = MESSAGE_PROGRESS, .frames = 1, .fps = 1.0});
        sleep_for_ever();
    }
    hello(strcmp(way, "version") == 0 ? MESSAGE_VERSION + 1 : MESSAGE_VERSION);
    leave_half_a_file(job);
    misbehave_by_messages(way);
    misbehave_by_ending(way);
    if (strcmp(way, "failed") == 0) {
        Message failed = {.kind = MESSAGE_FAILED};
        (void)error_set(&failed.error, ERROR_INPUT, "cannot open the video", job->input, "it is empty");
        tell(&failed);
    } else if (strcmp(way, "badsource") == 0 || strcmp(way, "badmodel") == 0) {
        const bool model = way[3] == 'm';
        Message failed = {.kind = MESSAGE_FAILED};
        (void)error_set(&failed.error, model ? ERROR_MODEL : ERROR_INPUT, "cannot use it",
                        model ? "m.onnx" : job->source, "no use");
        tell(&failed);
    } else if (strcmp(way, "noisy") == 0) {
        for (int i = 0; i < 300000; i++) {
            (void)fputs("noise on standard error, line after line\n", stderr);
        }
        make_video(job, true);
    } else if (strcmp(way, "slow") == 0) {
        (void)usleep(800 * 1000);
        make_video(job, true);
    } else if (strcmp(way, "nofile") == 0) {
        (void)unlink(job->temporary);
        make_video(job, false);
    } else {
        make_video(job, true);
        if (strcmp(way, "linger") == 0) {
            sleep_for_ever();
        }
    }
    memory_free(way);
}

static void answer(const Message *question)
{
    if (strstr(question->output, "deadly") != NULL) {
        (void)raise(SIGSEGV);
    } else if (strstr(question->output, "strange") != NULL) {
        tell_raw("{}\n", 3);
    } else {
        tell(&(Message){.kind = MESSAGE_PROBED,
                        .complete = strstr(question->output, "complete") != NULL,
                        .why = "too short"});
    }
}

int main(int argc, char **argv)
{
    const bool probe = argc > 2 && strcmp(argv[2], "--probe") == 0;
    LineBuffer inbox = {0};
    if (probe) {
        hello(MESSAGE_VERSION);
    }
    while (line_buffer_fill(&inbox, PROCESS_CHANNEL_FD) == STATUS_OK) {
        const char *line = NULL;
        size_t length = 0;
        while (line_buffer_next(&inbox, &line, &length) == STATUS_OK) {
            Message message;
            if (message_parse(line, length, &message, NULL) == STATUS_OK && message.kind == MESSAGE_JOB) {
                run_job(&message);
                return 0;
            }
            if (message.kind == MESSAGE_PROBE) {
                answer(&message);
            }
            message_free(&message);
        }
    }
    return 0;
}
