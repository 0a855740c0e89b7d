#include "memory/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "memory/sensor_file.h"

/* Where the process is, by version; empty: not told. */
typedef struct Membership {
    int version;
    char path[CGROUP_PATH_BYTES];
} Membership;

/* A line of a mount: escapes make a path up to four times as long; a longer line is not one of ours. */
enum { LINE_BYTES = 2 * CGROUP_PATH_BYTES };

/* Version 1 says "no limit" as the largest number of pages (PAGE_COUNTER_MAX), which differs by page size. */
static const int64_t no_limit_bytes = INT64_MAX / 2;

/* ---- lines ---- */

/* The next line without its newline; one that does not fit is passed over. */
static bool next_line(FILE *file, char line[LINE_BYTES])
{
    while (fgets(line, LINE_BYTES, file) != NULL) {
        const size_t length = strcspn(line, "\n");
        if (line[length] == '\n' || feof(file)) {
            line[length] = '\0';
            return true;
        }
        int character = 0;
        while (character != '\n' && character != EOF) {
            character = getc(file);
        }
    }
    return false;
}

static FILE *open_lines(const char *root, pid_t pid, const char *name)
{
    char path[SENSOR_PATH_BYTES];
    return sensor_process_path(path, root, pid, name) ? fopen(path, "re") : NULL;
}

/* Whether `word` is one of those between commas. */
static bool has_word(const char *list, size_t length, const char *word)
{
    const size_t size = strlen(word);
    for (size_t at = 0; at + size <= length; at++) {
        const bool begins = at == 0 || list[at - 1] == ',';
        const bool ends = at + size == length || list[at + size] == ',';
        if (begins && ends && strncmp(list + at, word, size) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- where it is ---- */

/* Lines "4:cpu,memory:/path" of version 1, "0::/path" of version 2. The memory controller is in only one of
 * the two, and in version 1 if that is told. */
static void read_membership(const char *root, pid_t pid, Membership *membership)
{
    char line[LINE_BYTES];
    FILE *file = open_lines(root, pid, "cgroup");
    *membership = (Membership){0};
    while (file != NULL && membership->version != 1 && next_line(file, line)) {
        const char *controllers = strchr(line, ':');
        const char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (path == NULL || path[1] != '/' || strlen(path + 1) >= sizeof membership->path) {
            continue;
        }
        if (has_word(controllers + 1, (size_t)(path - controllers - 1), "memory")) {
            membership->version = 1;
            text_copy(membership->path, sizeof membership->path, path + 1);
        } else if (text_starts_with(line, "0::")) {
            membership->version = 2;
            text_copy(membership->path, sizeof membership->path, path + 1);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* Space, tab, newline and backslash stand as \ooo. In place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        const bool octal = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
                           from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
        if (octal) {
            const int value = ((from[1] - '0') << 6) | ((from[2] - '0') << 3) | (from[3] - '0');
            *to = (char)(unsigned char)value;
        } else {
            *to = *from;
        }
        from += octal ? 4 : 1;
    }
    *to = '\0';
}

typedef struct Mount {
    char *root;  /* what of the hierarchy is mounted */
    char *point; /* where */
} Mount;

/* "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw": whether it is the hierarchy with
 * the memory controller. Points into `line`, which is changed. */
static bool parse_mount(char *line, int version, Mount *mount)
{
    enum { ROOT_FIELD = 3, POINT_FIELD = 4 };
    char *save = NULL;
    char *behind = strstr(line, " - ");
    if (behind == NULL) {
        return false;
    }
    *behind = '\0';
    const char *type = strtok_r(behind + strlen(" - "), " ", &save);
    const char *source = strtok_r(NULL, " ", &save);
    const char *options = strtok_r(NULL, " ", &save);
    if (type == NULL || source == NULL || options == NULL ||
        strcmp(type, version == 1 ? "cgroup" : "cgroup2") != 0 ||
        (version == 1 && !has_word(options, strlen(options), "memory"))) {
        return false;
    }
    char *field = strtok_r(line, " ", &save);
    for (int i = 0; field != NULL && i <= POINT_FIELD; i++, field = strtok_r(NULL, " ", &save)) {
        mount->root = i == ROOT_FIELD ? field : mount->root;
        mount->point = i == POINT_FIELD ? field : mount->point;
    }
    if (mount->point == NULL) {
        return false;
    }
    unescape(mount->root);
    unescape(mount->point);
    return mount->point[0] == '/';
}

/* The part of `path` below the mounted part of the hierarchy; NULL: it is not below it. */
static const char *part_below(const char *path, const char *mounted)
{
    const size_t length = strcmp(mounted, "/") == 0 ? 0 : strlen(mounted);
    const bool below = strncmp(path, mounted, length) == 0 && (path[length] == '/' || path[length] == '\0');
    /* "/.." is how a group outside this name space is told */
    return below && strstr(path + length, "/..") == NULL ? path + length : NULL;
}

/* Puts the mount into `place` if it shows more of the way up than what is there; of equals the later one
 * covers the earlier. */
static void offer_mount(const char *root, const Mount *mount, CgroupPlace *place, bool *found_below)
{
    const char *below = part_below(place->path, mount->root);
    const char *above = mount->root[0] == '/' && strstr(mount->root, "/..") == NULL && mount->root[1] != '\0'
                            ? mount->root
                            : "";
    if (*found_below && (below == NULL || strlen(above) > strlen(place->above))) {
        return;
    }
    char folder[SENSOR_PATH_BYTES];
    if (!sensor_path(folder, root, "%s", strcmp(mount->point, "/") == 0 ? "" : mount->point)) {
        return;
    }
    place->top = strlen(folder);
    const char *rest = below == NULL || strcmp(below, "/") == 0 ? "" : below;
    if (place->top + strlen(rest) >= sizeof place->folder || strlen(above) >= sizeof place->above) {
        return;
    }
    *found_below = below != NULL;
    memcpy(place->folder, folder, place->top);
    memcpy(place->folder + place->top, rest, strlen(rest) + 1);
    memcpy(place->above, above, strlen(above) + 1);
}

/* Cuts the last part of a path, down to `top`; false: nothing is left to cut. */
static bool go_up(char *folder, size_t top)
{
    char *slash = strlen(folder) > top ? strrchr(folder + top, '/') : NULL;
    if (slash != NULL) {
        *slash = '\0';
    }
    return slash != NULL;
}

static bool place_it(const char *root, pid_t pid, const Membership *membership, CgroupPlace *place)
{
    char line[LINE_BYTES];
    bool found_below = false;
    *place = (CgroupPlace){0};
    memcpy(place->path, membership->path, sizeof place->path);
    FILE *file = membership->version != 0 ? open_lines(root, pid, "mountinfo") : NULL;
    while (file != NULL && next_line(file, line)) {
        Mount mount = {0};
        if (parse_mount(line, membership->version, &mount)) {
            offer_mount(root, &mount, place, &found_below);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (place->folder[0] != '\0') {
        /* a removed group, or one that is not shown here: the next one up holds just as well */
        while (access(place->folder, F_OK) != 0 && go_up(place->folder, place->top)) {
        }
        place->version = membership->version;
    }
    return place->version != 0;
}

bool cgroup_find(const char *root, pid_t pid, CgroupPlace *place)
{
    Membership membership;
    read_membership(root, pid, &membership);
    return place_it(root, pid, &membership, place);
}

bool cgroup_find_again(const char *root, pid_t pid, CgroupPlace *place)
{
    Membership membership;
    read_membership(root, pid, &membership);
    if (place->version != 0 && place->version == membership.version &&
        strcmp(place->path, membership.path) == 0) {
        return true;
    }
    return place_it(root, pid, &membership, place);
}

/* ---- what it says ---- */

static bool level_path(const CgroupPlace *place, size_t length, const char *name,
                       char path[SENSOR_PATH_BYTES])
{
    const int count = snprintf(path, SENSOR_PATH_BYTES, "%.*s/%s", (int)length, place->folder, name);
    return count >= 0 && count < SENSOR_PATH_BYTES;
}

static bool read_text(const CgroupPlace *place, size_t length, const char *name, char text[SENSOR_TEXT_BYTES])
{
    char path[SENSOR_PATH_BYTES];
    text[0] = '\0';
    return level_path(place, length, name, path) && sensor_read(path, text) == 0;
}

/* Of a file with one number; -1: there is none, it is "max", or it is version 1's "no limit". */
static int64_t read_number(const CgroupPlace *place, size_t length, const char *name)
{
    char text[SENSOR_TEXT_BYTES];
    const int64_t number = read_text(place, length, name, text) ? sensor_first_number(text) : -1;
    return number < no_limit_bytes ? number : -1;
}

static int64_t smaller_limit(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t sum_of(const char *text, const char *const *keys)
{
    int64_t sum = 0;
    for (size_t i = 0; keys[i] != NULL; i++) {
        const int64_t number = sensor_number(text, keys[i]);
        sum += number > 0 && number < no_limit_bytes - sum ? number : 0;
    }
    return sum;
}

static int64_t read_oom_kills(const CgroupPlace *place, size_t length)
{
    char text[SENSOR_TEXT_BYTES];
    const char *name = place->version == 1 ? "memory.oom_control" : "memory.events";
    return read_text(place, length, name, text) ? sensor_number(text, "oom_kill ") : -1;
}

/* Cached files are what the kernel takes back first, with kernel caches that can shrink: as MemAvailable of
 * /proc/meminfo counts it (si_mem_available in mm/page_alloc.c). Pages that must be written first count too:
 * they cost a wait, which the pressure tells. */
static const char *const reclaimable_keys[][4] = {
    {"total_inactive_file ", "total_active_file ", NULL},
    {"inactive_file ", "active_file ", "slab_reclaimable ", NULL},
};

static void read_use(const CgroupPlace *place, CgroupLevel *level)
{
    char stat[SENSOR_TEXT_BYTES];
    const bool first = place->version == 1;
    const size_t length = level->folder_length;
    level->used_bytes = read_number(place, length, first ? "memory.usage_in_bytes" : "memory.current");
    if (read_text(place, length, "memory.stat", stat)) {
        level->reclaimable_bytes = sum_of(stat, reclaimable_keys[first ? 0 : 1]);
        level->anonymous_bytes = sensor_number(stat, first ? "total_rss " : "anon ");
    }
    if (first) {
        const int64_t both = read_number(place, length, "memory.memsw.limit_in_bytes");
        level->swap_used_bytes = sensor_number(stat, "total_swap ");
        level->swap_limit_bytes =
            both >= 0 && level->max_bytes >= 0 && both >= level->max_bytes ? both - level->max_bytes : both;
    } else {
        level->swap_used_bytes = read_number(place, length, "memory.swap.current");
        level->swap_limit_bytes = read_number(place, length, "memory.swap.max");
    }
    level->oom_kills = read_oom_kills(place, length);
}

static CgroupLevel read_level(const CgroupPlace *place, size_t length, int64_t from_above_bytes, bool own)
{
    CgroupLevel level = {.folder_length = length,
                         .max_bytes = -1,
                         .high_bytes = -1,
                         .used_bytes = -1,
                         .reclaimable_bytes = -1,
                         .anonymous_bytes = -1,
                         .swap_limit_bytes = -1,
                         .swap_used_bytes = -1,
                         .oom_kills = -1};
    level.max_bytes =
        read_number(place, length, place->version == 1 ? "memory.limit_in_bytes" : "memory.max");
    level.max_bytes = smaller_limit(level.max_bytes, from_above_bytes);
    level.high_bytes = place->version == 1 ? -1 : read_number(place, length, "memory.high");
    level.limit_bytes = smaller_limit(level.max_bytes, level.high_bytes);
    if (own || level.limit_bytes >= 0) {
        read_use(place, &level);
    }
    return level;
}

/* Version 1 tells the smallest limit of all groups above too, even of those that a container does not see. */
static int64_t limit_of_all_above(const CgroupPlace *place)
{
    char text[SENSOR_TEXT_BYTES];
    if (place->version != 1 || !read_text(place, strlen(place->folder), "memory.stat", text)) {
        return -1;
    }
    const int64_t bytes = sensor_number(text, "hierarchical_memory_limit ");
    return bytes < no_limit_bytes ? bytes : -1;
}

/* Before Linux 5.11 a group of version 1 could leave those below it alone. */
static bool holds_for_those_below(const CgroupPlace *place, size_t length)
{
    return place->version != 1 || read_number(place, length, "memory.use_hierarchy") != 0;
}

size_t cgroup_read(const CgroupPlace *place, CgroupLevel levels[CGROUP_LEVELS])
{
    size_t count = 0;
    size_t length = strlen(place->folder);
    int64_t smallest = -1;
    const int64_t of_all = limit_of_all_above(place);
    bool more = place->version != 0;
    while (more && count < CGROUP_LEVELS) {
        size_t next = length;
        while (next > place->top && place->folder[next - 1] != '/') {
            next--;
        }
        next -= next > place->top ? 1 : 0;
        more = length > place->top && holds_for_those_below(place, next);
        const bool hidden = !more && of_all >= 0 && (smallest < 0 || of_all < smallest);
        levels[count] = read_level(place, length, hidden ? of_all : -1, count == 0);
        smallest = smaller_limit(smallest, levels[count].limit_bytes);
        count++;
        length = next;
    }
    return count;
}

int64_t cgroup_available(const CgroupLevel *level)
{
    if (level->limit_bytes < 0 || level->used_bytes < 0) {
        return -1;
    }
    const int64_t reclaimable = level->reclaimable_bytes > 0 ? level->reclaimable_bytes : 0;
    const int64_t held = level->used_bytes > reclaimable ? level->used_bytes - reclaimable : 0;
    return level->limit_bytes > held ? level->limit_bytes - held : 0;
}

void cgroup_pressure(const CgroupPlace *place, const CgroupLevel *level, Pressure *pressure)
{
    char path[SENSOR_PATH_BYTES];
    *pressure = (Pressure){0};
    if (place->version == 2 && level_path(place, level->folder_length, "memory.pressure", path)) {
        pressure_read_file(path, pressure);
    }
}

void cgroup_name(const CgroupPlace *place, const CgroupLevel *level, char *name, size_t size)
{
    char whole[2 * CGROUP_PATH_BYTES];
    (void)snprintf(whole, sizeof whole, "%s%.*s", place->above, (int)(level->folder_length - place->top),
                   place->folder + place->top);
    text_copy(name, size, whole[0] != '\0' ? whole : "/");
    text_strip_control(name);
}

int64_t cgroup_oom_kills(const CgroupPlace *place)
{
    return place->version != 0 ? read_oom_kills(place, strlen(place->folder)) : -1;
}
