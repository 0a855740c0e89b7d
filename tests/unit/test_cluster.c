#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "face/cluster.h"

static uint32_t state = 1;

static float noise(void)
{
    state = state * 1664525U + 1013904223U;
    return (float)(state >> 8U) / 8388608.0F - 1.0F;
}

/* A view of a person: the cosine of two views of one is about 1 / (1 + spread²). */
static ClusterPoint view_of(int person, float spread)
{
    ClusterPoint point = {.weight = 1};
    float length = 0;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        point.sum[i] = (i == person ? 1.0F : 0.0F) + noise() * spread * sqrtf(3.0F / EMBEDDING_SIZE);
        length += point.sum[i] * point.sum[i];
    }
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        point.sum[i] /= sqrtf(length);
    }
    return point;
}

static void people_are_told_apart(void **unused)
{
    (void)unused;
    enum { PEOPLE = 5, VIEWS = 40, COUNT = PEOPLE * VIEWS };
    ClusterPoint *points = calloc(COUNT, sizeof *points);
    assert_non_null(points);
    for (int i = 0; i < COUNT; i++) {
        points[i] = view_of(i % PEOPLE, 0.8F);
    }
    assert_int_equal(cluster_points(points, COUNT, face_likeness(NULL).group), PEOPLE);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(points[i].group, i % PEOPLE);
        assert_float_equal(points[i].weight, 1.0F, 0);
    }
    free(points);
}

static void nothing_and_one_have_as_many_groups(void **unused)
{
    (void)unused;
    ClusterPoint point = view_of(0, 0.5F);
    point.group = -1;
    assert_int_equal(cluster_points(NULL, 0, face_likeness(NULL).group), 0);
    assert_int_equal(cluster_points(&point, 1, face_likeness(NULL).group), 1);
    assert_int_equal(point.group, 0);
}

/* a - b - c: each is like its neighbour, the ends are not like each other. A chain of single links would join
 * all; the average does not. */
static void a_chain_of_likenesses_is_not_one_person(void **unused)
{
    (void)unused;
    enum { STEPS = 6 };
    ClusterPoint points[STEPS] = {0};
    for (int i = 0; i < STEPS; i++) {
        const float angle = (float)i * 0.5F;
        points[i].sum[0] = cosf(angle);
        points[i].sum[1] = sinf(angle);
        points[i].weight = 1;
    }
    assert_true(cluster_points(points, STEPS, 0.5F) > 1);
    assert_int_not_equal(points[0].group, points[STEPS - 1].group);
}

/* Groups joined two by two are those of the plain method: always the two of all that are most alike. */
static int plain(ClusterPoint *points, int count, float limit)
{
    int groups = count;
    for (int i = 0; i < count; i++) {
        points[i].group = i;
    }
    for (;;) {
        float best = limit;
        int a = -1;
        int b = -1;
        for (int i = 0; i < count; i++) {
            for (int j = 0; j < i; j++) {
                if (points[i].weight > 0 && points[j].weight > 0 &&
                    cluster_alike(&points[i], &points[j]) >= best) {
                    best = cluster_alike(&points[i], &points[j]);
                    a = j;
                    b = i;
                }
            }
        }
        if (a < 0) {
            return groups;
        }
        cluster_add(&points[a], &points[b]);
        points[b].weight = 0;
        groups--;
    }
}

static void groups_are_those_of_the_plain_method(void **unused)
{
    (void)unused;
    enum { COUNT = 24 };
    for (int round = 0; round < 40; round++) {
        ClusterPoint points[COUNT];
        ClusterPoint copy[COUNT];
        for (int i = 0; i < COUNT; i++) {
            points[i] = copy[i] = view_of(i % 6, 1.3F); /* hard to tell apart */
        }
        assert_int_equal(cluster_points(points, COUNT, 0.35F), plain(copy, COUNT, 0.35F));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_are_told_apart),
        cmocka_unit_test(nothing_and_one_have_as_many_groups),
        cmocka_unit_test(a_chain_of_likenesses_is_not_one_person),
        cmocka_unit_test(groups_are_those_of_the_plain_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
