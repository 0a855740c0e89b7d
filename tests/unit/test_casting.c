/* Who gets which face: in doubt none. */
#include "face_fixtures.h"

#include "face/casting.h"

static const FaceFate first = {.deed = FACE_SWAP};
static const FaceFate second = {.deed = FACE_SWAP, .source = 1};
static const FaceFate keep = {.deed = FACE_KEEP};
static const FaceFate cover = {.deed = FACE_ANONYMIZE};

/* A look whose cosine to the axes 0 and 1 is that. */
static const float *look(float to_first, float to_second)
{
    static float embedding[EMBEDDING_SIZE];
    memset(embedding, 0, sizeof embedding);
    embedding[0] = to_first;
    embedding[1] = to_second;
    embedding[2] = sqrtf(1 - to_first * to_first - to_second * to_second);
    return embedding;
}

static Cast cast_of_two(FaceFate of_first, FaceFate of_second, FaceFate others)
{
    Cast cast = {.others = others, .likeness = face_likeness(NULL)};
    cast_add_look(&cast, cast_add_person(&cast, of_first), look(1, 0));
    cast_add_look(&cast, cast_add_person(&cast, of_second), look(0, 1));
    return cast;
}

static void check(const Cast *cast, float to_first, float to_second, float weight, FaceFate expected)
{
    const FaceFate fate = cast_fate(cast, look(to_first, to_second), weight);
    if (fate.deed != expected.deed || fate.source != expected.source) {
        fail_msg("%g, %g, weight %g: %d %d", (double)to_first, (double)to_second, (double)weight, fate.deed,
                 fate.source);
    }
}

static void the_nearest_decides_and_doubt_keeps(void **state)
{
    (void)state;
    Cast cast = cast_of_two(first, second, keep);
    check(&cast, 0.7F, 0.1F, 3, first);
    check(&cast, 0.1F, 0.7F, 3, second);
    check(&cast, 0.5F, 0.45F, 3, keep);   /* like both */
    check(&cast, 0.7F, 0.1F, 0.1F, keep); /* hardly seen */
    check(&cast, 0.2F, 0.1F, 3, keep);
    cast_free(&cast);
    /* What another person would get is not what one gets who is nearly a named one. */
    cast = cast_of_two(first, keep, second);
    check(&cast, 0.2F, 0.1F, 3, second);
    check(&cast, 0.38F, 0.1F, 3, keep);
    check(&cast, 0.7F, 0.1F, 3, first);
    check(&cast, 0.1F, 0.7F, 3, keep);
    cast_free(&cast);
    /* Two people of one fate are no doubt. */
    cast = cast_of_two(first, first, keep);
    check(&cast, 0.5F, 0.48F, 3, first);
    cast_free(&cast);
}

static void doubt_covers_where_anybody_is_to_be_covered(void **state)
{
    (void)state;
    Cast cast = cast_of_two(first, cover, keep);
    check(&cast, 0.7F, 0.1F, 3, first);
    check(&cast, 0.1F, 0.7F, 3, cover);
    check(&cast, 0.1F, 0.2F, 3, keep);
    check(&cast, 0.5F, 0.45F, 3, cover);
    check(&cast, 0.1F, 0.38F, 3, cover);
    check(&cast, 0.7F, 0.1F, 0.1F, cover);
    cast_free(&cast);
    cast = cast_of_two(first, keep, cover);
    check(&cast, 0.1F, 0.2F, 3, cover);
    check(&cast, 0.7F, 0.1F, 0.1F, cover);
    cast_free(&cast);
    cast = (Cast){.others = first, .likeness = face_likeness(NULL)};
    check(&cast, 0.7F, 0.1F, 3, first);
    check(&cast, 0.7F, 0.1F, 0, keep);
    cast_free(&cast);
}

static void any_look_of_a_person_counts(void **state)
{
    (void)state;
    Cast cast = {.others = keep, .likeness = face_likeness(NULL)};
    const int person = cast_add_person(&cast, first);
    cast_add_look(&cast, person, look(1, 0));
    cast_add_look(&cast, person, look(0, 1));
    check(&cast, 0.6F, 0, 3, first);
    check(&cast, 0, 0.6F, 3, first);
    cast_free(&cast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_decides_and_doubt_keeps),
        cmocka_unit_test(doubt_covers_where_anybody_is_to_be_covered),
        cmocka_unit_test(any_look_of_a_person_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
