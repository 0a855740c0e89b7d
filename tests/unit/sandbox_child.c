#include "sandbox_child.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

/* Exit codes below are errnos. */
enum { NOT_ENTERED = 255 };

static bool put(char *path, size_t size, const World *world, const char *name)
{
    (void)snprintf(path, size, "%s/%s", world->folder, name);
    FILE *file = fopen(path, "we");
    const bool written = file != NULL && fputs("content\n", file) >= 0;
    return file != NULL && fclose(file) == 0 && written;
}

static bool put_folder(char *path, size_t size, const World *world, const char *name)
{
    (void)snprintf(path, size, "%s/%s", world->folder, name);
    return mkdir(path, 0777) == 0;
}

static bool open_sockets(World *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    world->datagram = socket(AF_INET, SOCK_DGRAM, 0);
    world->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, world->socket) != 0 ||
        bind(world->listener, (struct sockaddr *)&address, length) != 0 || listen(world->listener, 8) != 0 ||
        getsockname(world->listener, (struct sockaddr *)&address, &length) != 0) {
        return false;
    }
    world->port = ntohs(address.sin_port);
    world->server = socket(AF_UNIX, SOCK_STREAM, 0);
    world->abstract.sun_family = AF_UNIX;
    (void)snprintf(world->abstract.sun_path + 1, sizeof world->abstract.sun_path - 1, "%s", world->folder);
    return bind(world->server, (struct sockaddr *)&world->abstract, sizeof world->abstract) == 0 &&
           listen(world->server, 64) == 0;
}

static int open_terminal(void)
{
    const int ours = posix_openpt(O_RDWR | O_NOCTTY);
    const char *name = ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0 ? ptsname(ours) : NULL;
    return name != NULL ? open(name, O_RDWR | O_NOCTTY) : -1;
}

int world_open(void **state)
{
    World *world = memory_alloc(1, sizeof *world);
    *state = world;
    world->parent = getpid();
    world->terminal = open_terminal();
    (void)snprintf(world->folder, sizeof world->folder, "/tmp/runbatch-sandbox-XXXXXX");
    const bool made = mkdtemp(world->folder) != NULL &&
                      put(world->input, sizeof world->input, world, "input.mp4") &&
                      put(world->temporary, sizeof world->temporary, world, ".output.part") &&
                      put(world->neighbour, sizeof world->neighbour, world, "neighbour.mp4") &&
                      put_folder(world->work, sizeof world->work, world, "work") &&
                      put_folder(world->other, sizeof world->other, world, "other") &&
                      put(world->chunk, sizeof world->chunk, world, "other/chunk") && open_sockets(world);
    (void)snprintf(world->planted, sizeof world->planted, "%s/planted", world->work);
    return made && symlink(world->neighbour, world->planted) == 0 ? 0 : -1;
}

int world_close(void **state)
{
    World *world = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", world->folder);
    const int files[] = {world->socket[0], world->socket[1], world->datagram,
                         world->terminal,  world->listener,  world->server};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)close(files[i]);
    }
    const int code = system(command);
    memory_free(world);
    return code;
}

bool has_layers(int layers)
{
    const SandboxFeatures features = sandbox_features();
    return ((layers & LANDLOCK) == 0 || features.error[SANDBOX_LANDLOCK] == 0) &&
           ((layers & SECCOMP) == 0 || features.error[SANDBOX_SECCOMP] == 0);
}

static bool enter(const World *world, int layers, int landlock_abi)
{
    SandboxFeatures features = sandbox_features();
    if (landlock_abi > 0 && landlock_abi < features.landlock_abi) {
        features.landlock_abi = landlock_abi;
    }
    for (int part = 0; part < SANDBOX_PART_COUNT; part++) {
        features.error[part] = (layers & 1 << part) != 0 ? features.error[part] : ENOSYS;
    }
    char *read[] = {(char *)(uintptr_t)world->input};
    char *write[] = {(char *)(uintptr_t)world->temporary, (char *)(uintptr_t)world->work};
    const SandboxConfig config = {.strict = layers == BOTH,
                                  .features = &features,
                                  .read = {.items = read, .count = 1},
                                  .write = {.items = write, .count = 2}};
    return layers == OUTSIDE || sandbox_enter(&config, NULL) == STATUS_OK;
}

int outcome(const World *world, int layers, int landlock_abi, Attempt *attempt)
{
    (void)fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        _exit(enter(world, layers, landlock_abi) ? attempt(world) : NOT_ENTERED);
    }
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        return -WTERMSIG(status);
    }
    assert_int_not_equal(WEXITSTATUS(status), NOT_ENTERED);
    return WEXITSTATUS(status);
}

int result_of(long value)
{
    return value < 0 ? errno : 0;
}

void check_refusals(const World *world, const Try *tries, size_t count)
{
    static const int all[] = {LANDLOCK, SECCOMP, BOTH};
    const int version = sandbox_features().landlock_abi;
    for (size_t i = 0; i < count; i++) {
        const Try *one = &tries[i];
        const bool known = (one->refused_by & SECCOMP) != 0 || version >= one->from_abi;
        if (!one->needs_root || geteuid() == 0) {
            const int outside = outcome(world, OUTSIDE, 0, one->attempt);
            if (outside != 0) {
                fail_msg("%s: outside it gives %d (%s)", one->what, outside, strerror(outside));
            }
        }
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++) {
            const bool counts = (all[j] & one->refused_by) != 0 && (all[j] != BOTH || known);
            if (!counts || !has_layers(all[j]) || (all[j] == LANDLOCK && version < one->from_abi)) {
                continue;
            }
            const int inside = outcome(world, all[j], 0, one->attempt);
            if (inside == 0) {
                fail_msg("%s: not refused by layers %d", one->what, all[j]);
            }
        }
    }
}
