#include "image/glyphs.h"

#include <math.h>
#include <stddef.h>

const float glyph_advance = 6;
const float glyph_height = 6;

/* On a grid four wide and six high: pairs of places, x then y, four figures a line. */
typedef struct Glyph {
    char sign;
    const char *lines;
} Glyph;

static const Glyph glyphs[] = {
    {'0', "00404046460606000640"},
    {'1', "1120202616361626"},
    {'2', "004040434303030606460646"},
    {'3', "0040404603430646"},
    {'4', "000303434046"},
    {'5', "400000030343434646060646"},
    {'6', "400000060646464343030343"},
    {'7', "0040404040161640"},
    {'8', "00404046460606000343"},
    {'9', "434303030000004040464606"},
    {'A', "06020220204242460444"},
    {'B', "0006003030414142423303333344444545363606"},
    {'C', "400000060646"},
    {'D', "000600202042424444262606"},
    {'E', "4000000606460333"},
    {'F', "400000060333"},
    {'G', "40000006064646434323"},
    {'H', "000640460343"},
    {'I', "202610301636"},
    {'J', "4045453636161605"},
    {'K', "000640030346"},
    {'L', "00060646"},
    {'M', "0600002323404046"},
    {'N', "060000464640"},
    {'O', "0040404646060600"},
    {'P', "0600004040434303"},
    {'Q', "00404046460606002446"},
    {'R', "06000040404343032346"},
    {'S', "40000003034343464606"},
    {'T', "00402026"},
    {'U', "000606464640"},
    {'V', "00262640"},
    {'W', "0006062323464640"},
    {'X', "00464006"},
    {'Y', "002340232326"},
    {'Z', "004040060646"},
    {'-', "1333"},
    {'+', "13332224"},
    {'.', "2525"},
    {',', "2516"},
    {':', "22222525"},
    {'/', "0640"},
    {'=', "02420444"},
    {'_', "0646"},
    {'|', "2026"},
    {'(', "301111153615"},
    {')', "103131351635"},
    {'%', "400611113535"},
    {'#', "1016303603430242"},
    {'?', "0040404223232424"},
    {' ', ""},
};

static const char *lines_of(char sign)
{
    const char capital = sign >= 'a' && sign <= 'z' ? (char)(sign - 'a' + 'A') : sign;
    const char *unknown = "";
    for (size_t i = 0; i < sizeof glyphs / sizeof glyphs[0]; i++) {
        if (glyphs[i].sign == capital) {
            return glyphs[i].lines;
        }
        unknown = glyphs[i].sign == '?' ? glyphs[i].lines : unknown;
    }
    return unknown;
}

int glyph_lines(char sign, Point at, float unit, Line lines[GLYPH_LINES_MOST])
{
    int count = 0;
    for (const char *place = lines_of(sign); place[0] != '\0' && count < GLYPH_LINES_MOST; place += 4) {
        lines[count].from =
            (Point){at.x + unit * (float)(place[0] - '0'), at.y + unit * (float)(place[1] - '0')};
        lines[count].to =
            (Point){at.x + unit * (float)(place[2] - '0'), at.y + unit * (float)(place[3] - '0')};
        count++;
    }
    return count;
}

static float distance_to(const Line *line, float x, float y)
{
    const float dx = line->to.x - line->from.x;
    const float dy = line->to.y - line->from.y;
    const float length = dx * dx + dy * dy;
    const float along = length > 0 ? ((x - line->from.x) * dx + (y - line->from.y) * dy) / length : 0;
    const float t = fminf(fmaxf(along, 0), 1);
    return hypotf(x - line->from.x - t * dx, y - line->from.y - t * dy);
}

static void draw_line(Image *rgb, const Line *line, float half, float value, int end)
{
    const Rect box = {(int)floorf(fminf(line->from.x, line->to.x) - half) - 1,
                      (int)floorf(fminf(line->from.y, line->to.y) - half) - 1,
                      (int)ceilf(fmaxf(line->from.x, line->to.x) + half) + 2,
                      (int)ceilf(fmaxf(line->from.y, line->to.y) + half) + 2};
    const Rect area = rect_intersect(box, (Rect){0, 0, end < rgb->width ? end : rgb->width, rgb->height});
    for (int y = area.y0; y < area.y1; y++) {
        for (int x = area.x0; x < area.x1; x++) {
            const float cover = fminf(fmaxf(half + 0.5F - distance_to(line, (float)x, (float)y), 0), 1);
            for (int p = 0; p < rgb->planes; p++) {
                float *to = rgb->plane[p] + y * rgb->stride + x;
                *to += cover * (value - *to);
            }
        }
    }
}

void glyphs_draw(Image *rgb, const char *text, Point at, float unit, float value, int end)
{
    static const float stroke = 0.8F; /* of a unit */
    for (; *text != '\0' && at.x < (float)end; text++, at.x += glyph_advance * unit) {
        Line lines[GLYPH_LINES_MOST];
        const int count = glyph_lines(*text, at, unit, lines);
        for (int i = 0; i < count; i++) {
            draw_line(rgb, &lines[i], stroke * unit / 2, value, end);
        }
    }
}
