/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hll.c - see hll_int.h.
 *
 * The estimator is that of O. Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (2017), algorithm 6: it is right from none to 2^64, with
 * neither tables nor thresholds, because it counts what the lowest and the highest
 * registers hide as sums of two series.
 */
#include <math.h>
#include <stddef.h>

#include "group/hll_int.h"

/* What registers that are still zero say, x of all. */
static double sigma(double x)
{
	double before, sum = x, y = 1;

	if (x == 1)
		return INFINITY;
	do {
		x *= x;
		before = sum;
		sum += x * y;
		y += y;
	} while (sum != before);
	return sum;
}

/* What registers that are full say, 1 - x of all. */
static double tau(double x)
{
	double before, sum = 1 - x, y = 1;

	if (x == 0 || x == 1)
		return 0;
	do {
		x = sqrt(x);
		before = sum;
		y /= 2;
		sum -= (1 - x) * (1 - x) * y;
	} while (sum != before);
	return sum / 3;
}

void ceint_hll_merge(uint8_t *registers, const uint8_t *other, uint32_t precision)
{
	for (size_t i = 0; i < (size_t)1 << precision; i++)
		if (other[i] > registers[i])
			registers[i] = other[i];
}

double ceint_hll_estimate(const uint8_t *registers, uint32_t precision)
{
	const double m = (double)((size_t)1 << precision);
	const uint32_t most = 64 - precision;
	uint32_t count[66] = {0}; /* of registers, by what they hold */
	double z;

	for (size_t i = 0; i < (size_t)1 << precision; i++)
		count[registers[i]]++;
	z = m * tau(1 - count[most + 1] / m);
	for (uint32_t k = most; k >= 1; k--)
		z = (z + count[k]) / 2;
	z += m * sigma(count[0] / m);
	return m * m / (2 * log(2) * z);
}
