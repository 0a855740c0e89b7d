#include "batch/natural.h"

#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static unsigned char folded(char c)
{
    const unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte - 'A' + 'a') : byte;
}

static size_t digits_at(const char *text)
{
    size_t count = 0;
    while (is_digit(text[count])) {
        count++;
    }
    return count;
}

/* Compares the numbers that both texts start with, and moves both behind them. */
static int compare_numbers(const char **a, const char **b)
{
    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    const size_t a_digits = digits_at(*a);
    const size_t b_digits = digits_at(*b);
    const int order = a_digits != b_digits ? (a_digits < b_digits ? -1 : 1) : memcmp(*a, *b, a_digits);
    *a += a_digits;
    *b += b_digits;
    return order;
}

int natural_compare(const char *a, const char *b)
{
    const char *left = a;
    const char *right = b;
    while (*left != '\0' && *right != '\0') {
        int order = 0;
        if (is_digit(*left) && is_digit(*right)) {
            order = compare_numbers(&left, &right);
        } else {
            order = (int)folded(*left++) - (int)folded(*right++);
        }
        if (order != 0) {
            return order;
        }
    }
    const int order = (*left != '\0') - (*right != '\0');
    return order != 0 ? order : strcmp(a, b);
}

static int compare_items(const void *a, const void *b)
{
    return natural_compare(*(char *const *)a, *(char *const *)b);
}

void natural_sort(TextList *list)
{
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof *list->items, compare_items);
    }
}
