#include "batch/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t watched(void)
{
    sigset_t set;
    struct sigaction hangup;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGTSTP);
    (void)sigaddset(&set, SIGCHLD);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
        (void)sigaddset(&set, SIGHUP);
    }
    return set;
}

Status signals_install(Signals *signals, Error *err)
{
    const sigset_t set = watched();
    signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals->fd < 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot watch for signals", NULL, errno);
    }
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    (void)sigprocmask(SIG_BLOCK, &set, &signals->mask_before);
    (void)sigaction(SIGPIPE, &ignore, &signals->pipe_before);
    /* a parent that ignores SIGCHLD would make ours vanish before we learn how they ended */
    (void)sigaction(SIGCHLD, &standard, &signals->child_before);
    return STATUS_OK;
}

int signals_next(const Signals *signals)
{
    struct signalfd_siginfo info;
    const ssize_t count = read(signals->fd, &info, sizeof info);
    return count == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void signals_restore(Signals *signals)
{
    if (signals->fd < 0) {
        return;
    }
    while (signals_next(signals) != 0) {
    }
    (void)close(signals->fd);
    signals->fd = -1;
    (void)sigaction(SIGPIPE, &signals->pipe_before, NULL);
    (void)sigaction(SIGCHLD, &signals->child_before, NULL);
    (void)sigprocmask(SIG_SETMASK, &signals->mask_before, NULL);
}
