#include "worker/probe_loop.h"

#include <poll.h>

#include "media/verify.h"
#include "worker/process.h"

static void answer(const Message *question, void (*send)(const Message *message))
{
    Message reply = {.kind = MESSAGE_PROBED};
    const Status status = verify_is_complete(question->input, question->output, &reply.complete, reply.why,
                                             sizeof reply.why, &reply.error);
    if (status != STATUS_OK) {
        reply.kind = MESSAGE_FAILED;
        (void)error_set(&reply.error, ERROR_INTERNAL, "cannot check the output", question->output,
                        "no reason was given");
    }
    send(&reply);
}

void probe_loop(LineBuffer *inbox, int signals, void (*send)(const Message *message))
{
    struct pollfd files[] = {{.fd = PROCESS_CHANNEL_FD, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        (void)poll(files, sizeof files / sizeof files[0], -1);
        if (files[1].revents != 0) {
            return;
        }
        if (files[0].revents != 0 && line_buffer_fill(inbox, PROCESS_CHANNEL_FD) == STATUS_EOF) {
            return;
        }
        const char *line = NULL;
        size_t length = 0;
        while (line_buffer_next(inbox, &line, &length) == STATUS_OK) {
            Message question;
            if (message_parse(line, length, &question, NULL) == STATUS_OK && question.kind == MESSAGE_PROBE) {
                answer(&question, send);
            }
            message_free(&question);
        }
    }
}
