/* A child process that enters the sandbox as a worker does and then tries one thing. */
#ifndef RUNBATCH_TESTS_SANDBOX_CHILD_H
#define RUNBATCH_TESTS_SANDBOX_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/sanitizer.h"
#include "worker/sandbox_internal.h"

/* Layers that are entered; the others are told not to be there. */
enum {
    OUTSIDE = 0,
    LANDLOCK = 1 << SANDBOX_LANDLOCK,
    SECCOMP = 1 << SANDBOX_SECCOMP,
    BOTH = LANDLOCK | SECCOMP
};

/* What a job has, and what lies around it; all in a folder of its own. */
typedef struct World {
    char folder[64];
    char input[128];     /* may be read */
    char temporary[128]; /* may be written over */
    char work[128];      /* folder: may be worked in */
    char neighbour[128]; /* another video */
    char other[128];     /* another video's work folder */
    char chunk[192];     /* a file in there */
    char planted[192];   /* in the work folder: a link to the neighbour */
    pid_t parent;
    int socket[2]; /* connected, as the channel is */
    int datagram;  /* a socket without a peer */
    int terminal;  /* -1: none to be had */
    int listener;  /* TCP, on `port` */
    unsigned short port;
    int server; /* on `abstract` */
    struct sockaddr_un abstract;
} World;

int world_open(void **state);
int world_close(void **state);

/* 0, or the errno with which it was refused. */
typedef int Attempt(const World *world);

/* What the child's attempt gave, or minus the signal that ended it. Fails the test when the layers cannot be
 * entered. */
int outcome(const World *world, int layers, int landlock_abi, Attempt *attempt);

/* Whether this kernel has all of these layers. */
bool has_layers(int layers);

/* What the sanitisers' leak check needs is not refused in their builds. */
enum { FILTERED = IS_SANITIZED ? 0 : SECCOMP };

typedef struct Try {
    const char *what;
    Attempt *attempt;
    int refused_by;  /* each of these layers alone */
    int from_abi;    /* by Landlock from this version on */
    bool needs_root; /* to succeed outside */
} Try;

/* Each must succeed outside, or it would prove nothing, and be refused by each layer that is to refuse it,
 * alone and with the other. */
void check_refusals(const World *world, const Try *tries, size_t count);

/* 0, or errno when `value` is negative. */
int result_of(long value);

#endif
