#include "worker/probe_loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "media/look.h"
#include "media/verify.h"
#include "worker/process.h"
#include "worker/sandbox_job.h"

static Status find_out(const Message *question, Message *reply)
{
    if (question->kind == MESSAGE_LOOK) {
        reply->kind = MESSAGE_LOOKED;
        return media_look(question->input, &reply->look, &reply->error);
    }
    reply->kind = MESSAGE_PROBED;
    return verify_is_complete(question->input, question->output, &reply->complete, reply->why,
                              sizeof reply->why, &reply->error);
}

static void answer(const Message *question, const char *sandbox, void (*send)(const Message *message))
{
    Message reply = {0};
    Status status = sandbox_enter_for_probe(sandbox, question->input, question->output, &reply.error);
    if (status == STATUS_OK) {
        status = find_out(question, &reply);
    }
    if (status != STATUS_OK) {
        reply.kind = MESSAGE_FAILED;
        (void)error_set(&reply.error, ERROR_INTERNAL, "cannot check the video", question->input,
                        "no reason was given");
    }
    send(&reply);
}

/* Whether the child lived to answer. */
static bool answer_apart(const Message *question, const char *sandbox, void (*send)(const Message *message))
{
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
            answer(question, sandbox, send);
        }
        _exit(0);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status == 0;
}

static bool is_question(const Message *message)
{
    return message->kind == MESSAGE_PROBE || message->kind == MESSAGE_LOOK;
}

void probe_loop(LineBuffer *inbox, int signals, const char *sandbox, void (*send)(const Message *message))
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
            const bool lives = message_parse(line, length, &question, NULL) != STATUS_OK ||
                               !is_question(&question) || answer_apart(&question, sandbox, send);
            message_free(&question);
            if (!lives) {
                return;
            }
        }
    }
}
