#include "face/mask.h"

#include <math.h>

#include "image/raster.h"

enum { MAX_CONTOUR = 40 };

/* All in face widths. */
static const float edge_inset = 0.012F; /* the mask is zero from here on outwards */
static const float edge_inset_forehead = 0.03F;
static const float edge_feather_cheek = 0.075F;
static const float edge_feather_chin = 0.11F;
static const float edge_feather_forehead = 0.13F;
static const float forehead_begins = -0.36F; /* canonical y of the brows */
static const float chin_begins = 0.30F;
static const float eye_feather_from = -0.004F; /* outwards of the lids */
static const float eye_feather_to = 0.013F;
static const float mouth_feather_from = 0.0F;
static const float mouth_feather_to = 0.015F;
static const float skin_margin_eye = 0.05F;
static const float skin_margin_brow = 0.03F;
static const float skin_margin_lips = 0.03F;
static const float nostril_radius = 0.045F;
static const float core_edge =
    0.05F; /* at the temples; none at the jaw, where shadow is more likely than hair */
static const float core_top = -0.415F; /* canonical y over the brows */

static float smooth_step(float low, float high, float value)
{
    float t = (value - low) / (high - low);
    t = t < 0 ? 0 : (t > 1 ? 1 : t);
    return t * t * (3 - 2 * t);
}

static float smaller(float a, float b)
{
    return a < b ? a : b;
}

static float larger(float a, float b)
{
    return a > b ? a : b;
}

float polygon_distance(const Point *polygon, int count, Point p)
{
    float nearest = INFINITY;
    bool inside = false;
    for (int i = 0, k = count - 1; i < count; k = i++) {
        const Point a = polygon[k];
        const Point b = polygon[i];
        const float ex = b.x - a.x;
        const float ey = b.y - a.y;
        const float length2 = ex * ex + ey * ey;
        float share = length2 > 0 ? ((p.x - a.x) * ex + (p.y - a.y) * ey) / length2 : 0;
        share = share < 0 ? 0 : (share > 1 ? 1 : share);
        const float dx = p.x - a.x - share * ex;
        const float dy = p.y - a.y - share * ey;
        nearest = smaller(nearest, dx * dx + dy * dy);
        if ((a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) * ex / ey) {
            inside = !inside;
        }
    }
    return inside ? sqrtf(nearest) : -sqrtf(nearest);
}

Point canonical_plane_point(int point)
{
    const Point canonical = topology_canonical(point);
    return (Point){canonical.x * PLANE_SCALE + (PLANE_WIDTH - 1) * 0.5F,
                   canonical.y * PLANE_SCALE + (PLANE_HEIGHT - 1) * 0.5F};
}

Point canonical_node_texel(int node)
{
    const float middle = (float)(NODE_STEP - 1) * 0.5F;
    return (Point){(float)(node % NODES_X * NODE_STEP) + middle,
                   (float)(node / NODES_X * NODE_STEP) + middle};
}

Point mesh_place_point(const Mesh *mesh, MeshPlace place)
{
    const short *corner = topology_triangles[place.triangle];
    const float first = 1 - place.second - place.third;
    return (Point){
        mesh->x[corner[0]] * first + mesh->x[corner[1]] * place.second + mesh->x[corner[2]] * place.third,
        mesh->y[corner[0]] * first + mesh->y[corner[1]] * place.second + mesh->y[corner[2]] * place.third};
}

typedef struct PlaceWriter {
    CanonicalPlane *plane;
    short triangle;
} PlaceWriter;

static void write_places(void *context, int y, int x0, int x1, const float at[RASTER_ATTRIBUTES],
                         const float step[RASTER_ATTRIBUTES])
{
    const PlaceWriter *writer = context;
    for (int x = x0; x < x1; x++) {
        const float along = (float)(x - x0);
        writer->plane->place[y * PLANE_WIDTH + x] =
            (MeshPlace){writer->triangle, at[0] + step[0] * along, at[1] + step[1] * along};
    }
}

static void fill_places(CanonicalPlane *plane)
{
    for (int i = 0; i < PLANE_TEXELS; i++) {
        plane->place[i].triangle = -1;
    }
    const Rect whole = {0, 0, PLANE_WIDTH, PLANE_HEIGHT};
    for (int t = 0; t < topology_triangle_count; t++) {
        RasterVertex vertex[3] = {0};
        for (int i = 0; i < 3; i++) {
            const Point point = canonical_plane_point(topology_triangles[t][i]);
            vertex[i] = (RasterVertex){point.x, point.y, {i == 1, i == 2}};
        }
        RasterTriangle triangle;
        if (raster_prepare(&vertex[0], &vertex[1], &vertex[2], &triangle)) {
            PlaceWriter writer = {plane, (short)t};
            raster_draw(&triangle, whole, write_places, &writer);
        }
    }
}

typedef struct Polygon {
    Point point[MAX_CONTOUR];
    int count;
} Polygon;

static Polygon contour_polygon(ContourName name)
{
    const Contour contour = topology_contour(name);
    Polygon polygon = {.count = contour.count};
    for (int i = 0; i < contour.count; i++) {
        polygon.point[i] = topology_canonical(contour.point[i]);
    }
    return polygon;
}

/* Signed distances of a place to the contours (positive inside), in face widths. */
typedef struct Distances {
    float oval;
    float eyes;
    float brows;
    float mouth;
    float lips;
    float nostrils; /* positive within nostril_radius of one */
} Distances;

static Distances measure(const Polygon polygons[CONTOUR_COUNT], Point p)
{
    float distance[CONTOUR_COUNT];
    for (int i = 0; i < CONTOUR_COUNT; i++) {
        distance[i] = polygon_distance(polygons[i].point, polygons[i].count, p);
    }
    /* Points 98 and 327: at the foot of the wings of the nose; 2: under the septum. */
    const Point wing[2] = {topology_canonical(98), topology_canonical(327)};
    const Point septum = topology_canonical(2);
    float nostrils = -1;
    for (int i = 0; i < 2; i++) {
        const float x = 0.5F * (wing[i].x + septum.x);
        const float y = 0.5F * (wing[i].y + septum.y) - 0.25F * nostril_radius;
        nostrils = larger(nostrils, nostril_radius - hypotf(p.x - x, p.y - y));
    }
    return (Distances){
        .oval = distance[CONTOUR_OVAL],
        .eyes = larger(distance[CONTOUR_EYE_LEFT], distance[CONTOUR_EYE_RIGHT]),
        .brows = larger(distance[CONTOUR_BROW_LEFT], distance[CONTOUR_BROW_RIGHT]),
        .mouth = distance[CONTOUR_LIPS_INNER],
        .lips = distance[CONTOUR_LIPS_OUTER],
        .nostrils = nostrils,
    };
}

/* How much the edge hides of a place at `distance` inside the oval. */
static float edge_at(float distance, float y)
{
    const float forehead = smooth_step(forehead_begins + 0.1F, forehead_begins - 0.1F, y);
    const float chin = smooth_step(chin_begins, chin_begins + 0.2F, y);
    const float inset = edge_inset + forehead * (edge_inset_forehead - edge_inset);
    const float feather = edge_feather_cheek + forehead * (edge_feather_forehead - edge_feather_cheek) +
                          chin * (edge_feather_chin - edge_feather_cheek);
    return smooth_step(inset, inset + feather, distance);
}

void canonical_plane_fill(CanonicalPlane *plane)
{
    fill_places(plane);
    Polygon polygons[CONTOUR_COUNT];
    for (int i = 0; i < CONTOUR_COUNT; i++) {
        polygons[i] = contour_polygon((ContourName)i);
    }
    for (int i = 0; i < PLANE_TEXELS; i++) {
        const Point p = {((float)(i % PLANE_WIDTH) - (PLANE_WIDTH - 1) * 0.5F) / PLANE_SCALE,
                         ((float)(i / PLANE_WIDTH) - (PLANE_HEIGHT - 1) * 0.5F) / PLANE_SCALE};
        const Distances d = measure(polygons, p);
        const float edge = edge_at(d.oval, p.y);
        const float eyes = smooth_step(eye_feather_from, eye_feather_to, -d.eyes);
        const float mouth = smooth_step(mouth_feather_from, mouth_feather_to, -d.mouth);
        const float openings =
            larger(smooth_step(-skin_margin_eye, 0, d.eyes), smooth_step(-skin_margin_lips, 0, d.lips));
        const float features = larger(
            openings, larger(smooth_step(-skin_margin_brow, 0, d.brows), smooth_step(0, 0.02F, d.nostrils)));
        const bool on_face = plane->place[i].triangle >= 0;
        plane->edge[i] = on_face ? edge : 0;
        plane->blend[i] = on_face ? edge * eyes * mouth : 0;
        plane->skin[i] = on_face ? smooth_step(0, 0.03F, d.oval) * (1 - features) : 0;
        const float seam = core_edge * smooth_step(0.25F, 0.05F, p.y);
        plane->core[i] =
            smooth_step(seam, seam + 0.05F, d.oval) * smooth_step(core_top - 0.02F, core_top + 0.02F, p.y);
        plane->openings[i] = openings;
    }
}
