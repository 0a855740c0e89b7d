#include "batch/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

static const int watched[SIGNALS_WATCHED] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCHLD, SIGPIPE, SIGXFSZ};

/* Made once and never closed: a handler may still run in another thread when the batch is over, and its write
 * must not end up in somebody else's file. */
static int read_end = -1;
static atomic_int write_end = -1;

static void handle(int number)
{
    const int keep = errno;
    const unsigned char byte = (unsigned char)number;
    /* a full pipe has more than enough of them */
    (void)!write(atomic_load(&write_end), &byte, 1);
    errno = keep;
}

/* Writing then fails with EPIPE or EFBIG instead. */
static bool is_ignored(int number)
{
    return number == SIGPIPE || number == SIGXFSZ;
}

static bool open_pipe(void)
{
    int ends[2];
    if (read_end < 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
        read_end = ends[0];
        atomic_store(&write_end, ends[1]);
    }
    return read_end >= 0;
}

static bool is_left_alone(int number)
{
    struct sigaction now;
    return number == SIGHUP && sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

Status signals_install(Signals *signals, Error *err)
{
    *signals = (Signals){.fd = -1};
    if (!open_pipe()) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot watch for signals", NULL, errno);
    }
    signals->fd = read_end;
    while (signals_next(signals) != 0) {
    }
    for (int i = 0; i < SIGNALS_WATCHED; i++) {
        struct sigaction action = {.sa_handler = is_ignored(watched[i]) ? SIG_IGN : handle,
                                   .sa_flags = SA_RESTART | SA_NOCLDSTOP};
        (void)sigemptyset(&action.sa_mask);
        if (!is_left_alone(watched[i])) {
            signals->installed[i] = sigaction(watched[i], &action, &signals->before[i]) == 0;
        }
    }
    return STATUS_OK;
}

int signals_next(const Signals *signals)
{
    unsigned char byte = 0;
    return read(signals->fd, &byte, 1) == 1 ? byte : 0;
}

void signals_restore(Signals *signals, bool ending)
{
    if (signals->fd < 0) {
        return;
    }
    for (int i = 0; i < SIGNALS_WATCHED; i++) {
        const bool stays = ending && (watched[i] == SIGINT || watched[i] == SIGTERM || watched[i] == SIGHUP);
        if (signals->installed[i] && !stays) {
            (void)sigaction(watched[i], &signals->before[i], NULL);
        }
    }
    signals->fd = -1;
}
