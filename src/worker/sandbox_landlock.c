#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitizer.h"
#include "worker/sandbox_internal.h"

/* Numbers and bits of the kernel's interface (include/uapi/linux/landlock.h): the headers at hand may be
 * older than the kernel. The three system calls have the same numbers on every architecture. */
enum { CALL_CREATE_RULESET = 444, CALL_ADD_RULE = 445, CALL_RESTRICT_SELF = 446 };
enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };

enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_CHAR = 1 << 6,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_MAKE_SOCK = 1 << 9,
    FS_MAKE_FIFO = 1 << 10,
    FS_MAKE_BLOCK = 1 << 11,
    FS_MAKE_SYM = 1 << 12,
    FS_REFER = 1 << 13,     /* from version 2 on; before, nothing may move to another folder anyway */
    FS_TRUNCATE = 1 << 14,  /* from 3 on */
    FS_IOCTL_DEV = 1 << 15, /* from 5 on */
};
enum { NET_BIND_TCP = 1 << 0, NET_CONNECT_TCP = 1 << 1 };       /* from 4 on */
enum { SCOPE_ABSTRACT_SOCKET = 1 << 0, SCOPE_SIGNAL = 1 << 1 }; /* from 6 on */

enum {
    READ_FILE = FS_READ_FILE,
    READ_FOLDER = FS_READ_FILE | FS_READ_DIR,
    WRITE_FILE = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE,
    WRITE_FOLDER = WRITE_FILE | FS_READ_DIR | FS_MAKE_REG | FS_REMOVE_FILE | FS_MAKE_DIR | FS_REMOVE_DIR,
    USE_DEVICE = FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV,
};

struct ruleset_attributes {
    uint64_t access_fs;
    uint64_t access_net;
    uint64_t scoped;
};

struct path_beneath {
    uint64_t access;
    int32_t parent;
} __attribute__((packed));

/* Libraries that are loaded late (libgcc for the end of a thread, iconv's tables), what malloc and ONNX
 * Runtime ask about the machine, what seeds the numbers in files' headers. */
static const char *const system_paths[] = {
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
};

/* What CUDA's documentation and others' traces name; not tried by us. */
static const char *const gpu_devices[] = {"/dev/nvidia*", "/dev/nvidia-caps/*", "/dev/dri/*"};
static const char *const gpu_paths[] = {"/etc/nvidia",         "/opt",          "/proc/devices",
                                        "/proc/driver/nvidia", "/proc/modules", "/sys/bus/pci",
                                        "/sys/devices",        "/sys/module"};

int landlock_version(void)
{
    const long version = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_VERSION);
    return version > 0 ? (int)version : -errno;
}

typedef struct Ruleset {
    int fd;
    uint64_t handled; /* rights over files that this version knows */
    int error;        /* the first */
} Ruleset;

static Ruleset ruleset_create(int abi)
{
    static const uint64_t files[] = {FS_REFER - 1, FS_TRUNCATE - 1, FS_IOCTL_DEV - 1, FS_IOCTL_DEV - 1,
                                     (FS_IOCTL_DEV << 1) - 1};
    enum { LAST = sizeof files / sizeof files[0] };
    const struct ruleset_attributes attributes = {
        .access_fs = files[(abi < LAST ? abi : LAST) - 1],
        .access_net = abi >= 4 ? NET_BIND_TCP | NET_CONNECT_TCP : 0,
        .scoped = abi >= 6 ? SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL : 0,
    };
    const size_t size = abi >= 6   ? sizeof attributes
                        : abi >= 4 ? offsetof(struct ruleset_attributes, scoped)
                                   : offsetof(struct ruleset_attributes, access_net);
    Ruleset ruleset = {.handled = attributes.access_fs};
    ruleset.fd = (int)syscall(CALL_CREATE_RULESET, &attributes, size, 0);
    ruleset.error = ruleset.fd < 0 ? errno : 0;
    return ruleset;
}

/* Takes `fd`. What is not there, or cannot be reached, needs no rule: opening it will say so. */
static void allow_file(Ruleset *ruleset, int fd, uint64_t file_access, uint64_t folder_access)
{
    struct stat status;
    if (fd >= 0 && fstat(fd, &status) == 0 && !S_ISLNK(status.st_mode)) {
        const struct path_beneath rule = {
            .access = (S_ISDIR(status.st_mode) ? folder_access : file_access) & ruleset->handled,
            .parent = fd,
        };
        if (syscall(CALL_ADD_RULE, ruleset->fd, RULE_PATH_BENEATH, &rule, 0) != 0 && ruleset->error == 0) {
            ruleset->error = errno;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void allow(Ruleset *ruleset, const char *path, uint64_t file_access, uint64_t folder_access)
{
    allow_file(ruleset, open(path, O_PATH | O_CLOEXEC), file_access, folder_access);
}

/* What may be written is no link to something else, whoever put it there. */
static void allow_writing(Ruleset *ruleset, const char *path)
{
    allow_file(ruleset, open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), WRITE_FILE, WRITE_FOLDER);
}

/* This process's folder in /proc. The kernel makes a new inode when it has dropped the old one under
 * pressure, and a rule is about an inode, so the folder is held open until the process ends. */
static void allow_self(Ruleset *ruleset)
{
    if (open("/proc/self", O_PATH | O_CLOEXEC) >= 0) {
        allow(ruleset, "/proc/self", READ_FILE, READ_FOLDER);
    }
}

static void allow_gpu(Ruleset *ruleset)
{
    for (size_t i = 0; i < sizeof gpu_devices / sizeof gpu_devices[0]; i++) {
        glob_t found;
        if (glob(gpu_devices[i], 0, NULL, &found) == 0) {
            for (size_t j = 0; j < found.gl_pathc; j++) {
                allow(ruleset, found.gl_pathv[j], USE_DEVICE, 0);
            }
            globfree(&found);
        }
    }
    for (size_t i = 0; i < sizeof gpu_paths / sizeof gpu_paths[0]; i++) {
        allow(ruleset, gpu_paths[i], READ_FILE, READ_FOLDER);
    }
}

int landlock_enter(const SandboxConfig *config, int abi)
{
    Ruleset ruleset = ruleset_create(abi);
    if (ruleset.error != 0) {
        return ruleset.error;
    }
    for (size_t i = 0; i < sizeof system_paths / sizeof system_paths[0]; i++) {
        allow(&ruleset, system_paths[i], READ_FILE, READ_FOLDER);
    }
    allow_self(&ruleset);
#if IS_SANITIZED
    allow(&ruleset, "/proc/self/exe", READ_FILE, 0); /* names of functions in a report */
#endif
    if (config->gpu) {
        allow_gpu(&ruleset);
    }
    for (size_t i = 0; i < config->read.count; i++) {
        allow(&ruleset, config->read.items[i], READ_FILE, READ_FOLDER);
    }
    for (size_t i = 0; i < config->write.count; i++) {
        allow_writing(&ruleset, config->write.items[i]);
    }
    if (ruleset.error == 0 && syscall(CALL_RESTRICT_SELF, ruleset.fd, 0) != 0) {
        ruleset.error = errno;
    }
    (void)close(ruleset.fd);
    return ruleset.error;
}
