/* Control groups that killed supervisors left somewhere else than where the next one would find them. */
#include <dirent.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "memory/group.h"
#include "memory/sensor_file.h"

/* A hierarchy that is deeper or has more groups is looked through in part. */
enum { DEPTH_MOST = 16, GROUPS_MOST = 20000 };

typedef struct Search {
    const char *root;
    char **folders;
    size_t count;
    size_t room;
    int groups; /* looked at */
} Search;

static bool is_empty(const char *folder)
{
    char text[SENSOR_TEXT_BYTES];
    char *procs = path_join(folder, "cgroup.procs");
    const bool empty = sensor_read(procs, text) == 0 && text[0] == '\0';
    memory_free(procs);
    return empty;
}

/* Takes ownership of `folder`. A bounded walk: `depth` counts down. */
static void look(Search *search, char *folder, const char *name, int depth)
{
    const bool is_left = group_is_of_the_dead(search->root, name);
    if (is_left && is_empty(folder) && search->count < search->room) {
        search->folders[search->count++] = folder;
        return;
    }
    const struct dirent *entry = NULL;
    DIR *opened = !is_left && depth > 0 && search->groups++ < GROUPS_MOST ? opendir(folder) : NULL;
    while (opened != NULL && (entry = readdir(opened)) != NULL) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            look(search, path_join(folder, entry->d_name), entry->d_name, depth - 1);
        }
    }
    if (opened != NULL) {
        (void)closedir(opened);
    }
    memory_free(folder);
}

size_t group_find_left(const char *root, char **folders, size_t room)
{
    CgroupPlace place;
    Search search = {.root = root, .folders = folders, .room = room};
    if (cgroup_find(root, 0, &place)) {
        place.folder[place.top] = '\0';
        look(&search, text_duplicate(place.folder), "", DEPTH_MOST);
    }
    return search.count;
}
