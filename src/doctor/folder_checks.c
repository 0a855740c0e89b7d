/* Where a batch reads and writes: the picture, the videos, the outputs, the space on their volumes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch/places.h"
#include "batch/plan.h"
#include "batch/space.h"
#include "doctor/checks.h"
#include "face/face.h"
#include "media/still.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"
#include "worker/needed_models.h"
#include "worker/sandbox_job.h"

enum { SIZE_TEXT = 32 };

/* ---- the source picture ---- */

static void add_faces(const char *path, const AVFrame *picture, const StillFace *faces, int count,
                      Checkup *found)
{
    enum { SMALL_FACE = 100 };
    const int width = count > 0 ? faces[0].box.x1 - faces[0].box.x0 : 0;
    json_t *figures = json_pack("{s:o,s:i,s:i,s:i,s:o}", "path", json_text(path), "width", picture->width,
                                "height", picture->height, "faces", count, "face_width",
                                count > 0 ? json_integer(width) : json_null());
    if (count == 0) {
        Check *check = checkup_add(found, CHECK_FOLDERS, "source", CHECK_ERROR, figures,
                                   _("source picture %s: there is no face in it"), path);
        check_advise(check, "%s", _("use another picture: a face from the front, well lit"));
        return;
    }
    Check *check = checkup_add(found, CHECK_FOLDERS, "source", CHECK_OK, figures,
                               dngettext(I18N_DOMAIN, "source picture %s: %d face, %d pixels wide",
                                         "source picture %s: %d faces, the largest %d pixels wide",
                                         (unsigned long)count),
                               path, count, width);
    if (count > 1) {
        check->level = CHECK_WARNING;
        check_advise(check, "%s", _("the largest face is taken; cut the picture to the one that you mean"));
    } else if (width < SMALL_FACE) {
        check->level = CHECK_WARNING;
        check_advise(check, _("a face of at least %d pixels gives better results"), SMALL_FACE);
    }
}

/* STATUS_FAILED: `err` is about the picture, or ERROR_MODEL. */
static Status look_for_faces(const char *path, const Settings *settings, Checkup *found, Error *err)
{
    enum { MOST = 16 };
    Orientation orientation;
    FaceModels *models = NULL;
    int count = 0;
    AVFrame *picture = memory_check(av_frame_alloc());
    StillFace *faces = memory_alloc(MOST, sizeof *faces);
    Status status = still_read(path, picture, &orientation, err);
    if (status == STATUS_OK) {
        FaceModelsConfig config = face_models_config(settings);
        config.provider = PROVIDER_CPU;
        config.with_embedder = false;
        status = face_models_open(&models, &config, err);
    }
    if (status == STATUS_OK) {
        status = face_find_in_still(models, picture, orientation, faces, MOST, &count, err);
    }
    if (status == STATUS_OK) {
        add_faces(path, picture, faces, count, found);
    }
    face_models_free(&models);
    memory_free(faces);
    av_frame_free(&picture);
    return status;
}

static void tell_failure(const char *path, const Error *err, Checkup *found)
{
    json_t *figures =
        json_pack("{s:o,s:n,s:n,s:n,s:n}", "path", json_text(path), "width", "height", "faces", "face_width");
    if (err->class_ == ERROR_MODEL) {
        Check *check =
            checkup_add(found, CHECK_FOLDERS, "source", CHECK_WARNING, figures,
                        _("source picture %s: opens; without the models no face can be looked for"), path);
        check_advise(check, "%s", _("see the models above"));
    } else {
        (void)checkup_add_failure(found, CHECK_FOLDERS, "source", CHECK_ERROR, figures, err);
    }
}

static Status enter_sandbox(const Settings *settings, const TextList *pictures, Error *err)
{
    /* "strict" is told about among the sandbox's checks */
    const char *how = strcmp(settings->sandbox, "off") == 0 ? "off" : "auto";
    return sandbox_enter_for_pictures(how, pictures, settings->models_dir, err);
}

void check_source(const DoctorConfig *config, Checkup *found)
{
    const Settings *settings = config->settings;
    Places places = {0};
    Error err = {0};
    Status status = places_find_source(settings, &places, &err);
    if (status == STATUS_OK && places.sources.count > 0) {
        status = enter_sandbox(settings, &places.sources, &err);
    }
    if (status != STATUS_OK) {
        tell_failure(places.sources.count > 0 ? places.sources.items[places.sources.count - 1] : NULL, &err,
                     found);
    }
    for (size_t i = 0; status == STATUS_OK && i < places.sources.count; i++) {
        Error of_one = {0};
        if (look_for_faces(places.sources.items[i], settings, found, &of_one) != STATUS_OK) {
            tell_failure(places.sources.items[i], &of_one, found);
        }
    }
    places_free(&places);
}

/* ---- the videos ---- */

static void add_videos(const Places *places, Checkup *found)
{
    size_t unreadable = 0;
    Text names = {0};
    for (size_t i = 0; i < places->videos.count; i++) {
        char *path = path_join(places->input_dir, places->videos.items[i]);
        if (file_size(path) < 0 || access(path, R_OK) != 0) {
            text_appendf(&names, "%s%s", unreadable > 0 ? ", " : "", places->videos.items[i]);
            unreadable++;
        }
        memory_free(path);
    }
    json_t *figures = json_pack("{s:o,s:I,s:I}", "folder", json_text(places->input_dir), "videos",
                                (json_int_t)places->videos.count, "unreadable", (json_int_t)unreadable);
    Check *check = checkup_add(
        found, CHECK_FOLDERS, "inputs", CHECK_OK, figures,
        dngettext(I18N_DOMAIN, "%s: %zu video", "%s: %zu videos", (unsigned long)places->videos.count),
        places->input_dir, places->videos.count);
    if (unreadable > 0) {
        check->level = unreadable == places->videos.count ? CHECK_ERROR : CHECK_WARNING;
        check_advise(check, _("check what these are, their owner and permissions: %s"), names.data);
    }
    text_free(&names);
}

/* ---- the outputs ---- */

/* What a volume can do of what a batch needs. */
typedef struct FolderProof {
    int number;       /* errno of what failed; 0: nothing */
    const char *what; /* that; static */
    double skew_s;    /* the volume's clock against ours */
} FolderProof;

static bool failed(FolderProof *proof, const char *what)
{
    proof->number = errno;
    proof->what = what;
    return false;
}

static bool prove_file(const char *name, FolderProof *proof)
{
    struct stat status;
    const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(proof, N_("to make a file"));
    }
    const double now_s = clock_wall_s();
    bool good = write(fd, "runbatch", 8) == 8 || failed(proof, N_("to write a file"));
    good = good && (fsync(fd) == 0 || failed(proof, N_("to bring a file to the disk (fsync)")));
    if (good && fstat(fd, &status) == 0) {
        proof->skew_s = (double)status.st_mtim.tv_sec - now_s;
    }
    return close(fd) == 0 && good;
}

/* Makes, syncs, renames over another one and removes a file, as publishing an output does. */
static FolderProof prove_folder(const char *folder)
{
    FolderProof proof = {0};
    char *first = text_format("%s/.runbatch-doctor-%ld", folder, (long)getpid());
    char *second = text_format("%s.2", first);
    bool good = prove_file(first, &proof) && prove_file(second, &proof);
    good = good && (rename(first, second) == 0 || failed(&proof, N_("to rename a file over another")));
    if (good) {
        const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) != 0) {
            (void)failed(&proof, N_("to bring a name to the disk (fsync of the folder)"));
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    (void)unlink(first);
    (void)unlink(second);
    memory_free(first);
    memory_free(second);
    return proof;
}

static void add_proof(const char *folder, Checkup *found)
{
    enum { SKEW_S = 60 };
    const FolderProof proof = prove_folder(folder);
    json_t *figures = json_pack("{s:o,s:b,s:b,s:o}", "folder", json_text(folder), "exists", true, "writable",
                                proof.number == 0, "clock_skew_s", json_rounded(proof.skew_s));
    if (proof.number != 0) {
        Check *check =
            checkup_add(found, CHECK_FOLDERS, "outputs", CHECK_ERROR, figures,
                        _("%s: it is not possible %s: %s"), folder, _(proof.what), strerror(proof.number));
        check_advise(check, "%s", _("check its owner and permissions, or choose another with --output-dir"));
        return;
    }
    Check *check = checkup_add(found, CHECK_FOLDERS, "outputs", CHECK_OK, figures,
                               _("%s: files can be made, synced and renamed"), folder);
    if (fabs(proof.skew_s) > SKEW_S) {
        check->level = CHECK_WARNING;
        check_advise(check, _("its computer's clock is %.0f s off this one's: set both right"), proof.skew_s);
    }
}

static void check_outputs(const Settings *settings, Checkup *found)
{
    Error err = {0};
    if (file_is_folder(settings->output_dir)) {
        add_proof(settings->output_dir, found);
        return;
    }
    const bool can = places_prepare_output(settings->output_dir, true, &err) == STATUS_OK;
    json_t *figures = json_pack("{s:o,s:b,s:b,s:n}", "folder", json_text(settings->output_dir), "exists",
                                false, "writable", can, "clock_skew_s");
    if (can) {
        (void)checkup_add(found, CHECK_FOLDERS, "outputs", CHECK_OK, figures,
                          _("%s: not there yet, a batch makes it"), settings->output_dir);
    } else {
        (void)checkup_add_failure(found, CHECK_FOLDERS, "outputs", CHECK_ERROR, figures, &err);
    }
}

void check_folders(const DoctorConfig *config, Checkup *found)
{
    Places places = {0};
    Error err = {0};
    if (places_find_videos(config->settings, &places, &err) == STATUS_OK) {
        add_videos(&places, found);
    } else {
        json_t *figures = json_pack("{s:o,s:n,s:n}", "folder", json_text(config->settings->input_dir),
                                    "videos", "unreadable");
        (void)checkup_add_failure(found, CHECK_FOLDERS, "inputs", CHECK_ERROR, figures, &err);
    }
    places_free(&places);
    check_outputs(config->settings, found);
}

/* ---- space ---- */

typedef enum SystemKind {
    SYSTEM_USUAL = 0,
    SYSTEM_MEMORY,  /* gone with the power, and takes memory */
    SYSTEM_NETWORK, /* locks and syncs depend on another computer */
    SYSTEM_SMALL,   /* no file of 4 GiB or more */
} SystemKind;

typedef struct FileSystem {
    long magic;
    const char *name;
    SystemKind kind;
} FileSystem;

/* What linux/magic.h lacks is from statfs(2). */
static const FileSystem file_systems[] = {
    {EXT4_SUPER_MAGIC, "ext4", SYSTEM_USUAL},   {0x58465342, "xfs", SYSTEM_USUAL},
    {BTRFS_SUPER_MAGIC, "btrfs", SYSTEM_USUAL}, {0x2FC12FC1, "zfs", SYSTEM_USUAL},
    {F2FS_SUPER_MAGIC, "f2fs", SYSTEM_USUAL},   {OVERLAYFS_SUPER_MAGIC, "overlay", SYSTEM_USUAL},
    {0x5346544E, "ntfs", SYSTEM_USUAL},         {0x7366746E, "ntfs3", SYSTEM_USUAL},
    {0x2011BAB0, "exfat", SYSTEM_USUAL},        {0x65735546, "fuse", SYSTEM_USUAL},
    {TMPFS_MAGIC, "tmpfs", SYSTEM_MEMORY},      {RAMFS_MAGIC, "ramfs", SYSTEM_MEMORY},
    {MSDOS_SUPER_MAGIC, "vfat", SYSTEM_SMALL},  {NFS_SUPER_MAGIC, "nfs", SYSTEM_NETWORK},
    {0xFF534D42, "cifs", SYSTEM_NETWORK},       {0xFE534D42, "smb2", SYSTEM_NETWORK},
    {V9FS_MAGIC, "9p", SYSTEM_NETWORK},         {AFS_SUPER_MAGIC, "afs", SYSTEM_NETWORK},
    {0x00C36400, "ceph", SYSTEM_NETWORK},
};

/* "unknown" where it is none of them. */
static FileSystem file_system_of(const char *folder)
{
    struct statfs status;
    FileSystem unknown = {.name = "unknown"};
    char *nearest = path_nearest(folder);
    const bool known = statfs(nearest, &status) == 0;
    memory_free(nearest);
    for (size_t i = 0; known && i < sizeof file_systems / sizeof file_systems[0]; i++) {
        if (((unsigned long)status.f_type & 0xFFFFFFFFUL) == (unsigned long)file_systems[i].magic) {
            return file_systems[i];
        }
    }
    return unknown;
}

static void judge_space(const SpaceVolume *volume, int64_t reserve, const FileSystem *system, Check *check)
{
    enum { FILES_FEW = 1000 };
    if (volume->free < reserve) {
        check->level = CHECK_ERROR;
        check_advise(check, "%s", _("make room: below its reserve (--disk-reserve) a batch waits"));
    } else if (volume->files_free >= 0 && volume->files_free < FILES_FEW) {
        check->level = CHECK_WARNING;
        check_advise(check, _("only %lld more files can be made there"), (long long)volume->files_free);
    } else if (volume->free < 2 * reserve) {
        check->level = CHECK_WARNING;
        check_advise(check, "%s", _("make room: there is hardly more than the reserve (--disk-reserve)"));
    } else if (system->kind == SYSTEM_MEMORY) {
        check->level = CHECK_WARNING;
        check_advise(check, "%s",
                     _("it lies in memory: a power cut loses all of it, and what is written there "
                       "is missing for the videos"));
    } else if (system->kind == SYSTEM_NETWORK) {
        check->level = CHECK_WARNING;
        check_advise(check, "%s",
                     _("on another computer: let only one runbatch work there, and have --temp-dir "
                       "on a disk of this one"));
    } else if (system->kind == SYSTEM_SMALL) {
        check->level = CHECK_WARNING;
        check_advise(check, "%s", _("it cannot hold files of 4 GB or more"));
    }
}

static void add_volume(const DoctorConfig *config, const char *places, const char *folder, Checkup *found)
{
    char free[SIZE_TEXT];
    char total[SIZE_TEXT];
    char kept[SIZE_TEXT];
    const SpaceVolume volume = space_look(folder);
    const FileSystem system = file_system_of(folder);
    if (!volume.known) {
        (void)checkup_add(found, CHECK_SPACE, "volume", CHECK_WARNING,
                          json_pack("{s:s,s:o,s:s,s:n,s:n,s:n,s:n}", "places", places, "folder",
                                    json_text(folder), "file_system", system.name, "total_bytes",
                                    "free_bytes", "reserve_bytes", "files_free"),
                          _("%s: how much space there is cannot be known"), folder);
        return;
    }
    const int64_t reserve = space_reserve(&config->settings->disk_reserve, volume.total);
    json_t *figures =
        json_pack("{s:s,s:o,s:s,s:I,s:I,s:I,s:o}", "places", places, "folder", json_text(folder),
                  "file_system", system.name, "total_bytes", volume.total, "free_bytes", volume.free,
                  "reserve_bytes", reserve, "files_free", figure_known(volume.files_free));
    (void)format_bytes(volume.free, free, sizeof free);
    (void)format_bytes(volume.total, total, sizeof total);
    (void)format_bytes(reserve, kept, sizeof kept);
    judge_space(&volume, reserve, &system,
                checkup_add(found, CHECK_SPACE, "volume", CHECK_OK, figures,
                            _("%s (%s): %s of %s free, reserve %s"), folder, system.name, free, total, kept));
}

/* One line for places on one volume. */
void check_space(const DoctorConfig *config, Checkup *found)
{
    const Settings *settings = config->settings;
    char *work = path_join(settings->output_dir, PLAN_STATE_FOLDER "/work");
    const struct {
        const char *name;
        const char *folder;
    } places[] = {{"output", settings->output_dir}, {"work", work}, {"frames", settings->temp_dir}};
    enum { PLACES = sizeof places / sizeof places[0] };
    bool told[PLACES] = {false};
    for (int i = 0; i < PLACES; i++) {
        if (told[i] || places[i].folder == NULL) {
            continue;
        }
        Text names = {0};
        const SpaceVolume volume = space_look(places[i].folder);
        text_append(&names, places[i].name);
        for (int other = i + 1; other < PLACES; other++) {
            const SpaceVolume also =
                places[other].folder != NULL ? space_look(places[other].folder) : (SpaceVolume){0};
            if (also.known && volume.known && also.device == volume.device) {
                text_appendf(&names, ", %s", places[other].name);
                told[other] = true;
            }
        }
        add_volume(config, names.data, places[i].folder, found);
        text_free(&names);
    }
    memory_free(work);
}
