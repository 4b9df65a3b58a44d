/* Gradient descent on the 2x2 problem W12 = W21 = 1, W22 = 0, as a plain loop: what `descent_throughput.py` compares
 * with. Compiled once per DEPTH. Run as
 *
 *     descent steps runs learning_rate alpha target_loss
 *
 * Run r of R starts at the identity with scale alpha (1 + r / R). Prints the seconds of the descent alone, then the
 * product matrix of each run, row by row.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef double Matrix[2][2];

static void multiply(const Matrix A, const Matrix B, Matrix out)
{
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            out[i][j] = A[i][0] * B[0][j] + A[i][1] * B[1][j];
}

static void transpose(const Matrix A, Matrix out)
{
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            out[j][i] = A[i][j];
}

static void identity(double scale, Matrix out)
{
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            out[i][j] = i == j ? scale : 0.0;
}

/* Steps from `W` in place until `steps` are done or the loss is at most `target_loss`; `product` is W_L ... W_1. */
static void descend(Matrix W[DEPTH], long steps, double learning_rate, double target_loss, Matrix product)
{
    for (long n = 0;; n++) {
        Matrix below[DEPTH + 1]; /* below[j] = W_j ... W_1 */
        identity(1.0, below[0]);
        for (int j = 0; j < DEPTH; j++)
            multiply(W[j], below[j], below[j + 1]);

        const Matrix residual = {{0.0, below[DEPTH][0][1] - 1.0}, {below[DEPTH][1][0] - 1.0, below[DEPTH][1][1]}};
        const double loss = 0.5 * (residual[0][1] * residual[0][1] + residual[1][0] * residual[1][0] +
                                   residual[1][1] * residual[1][1]);
        if (n == steps || loss <= target_loss) {
            for (int i = 0; i < 2; i++)
                for (int j = 0; j < 2; j++)
                    product[i][j] = below[DEPTH][i][j];
            return;
        }

        Matrix pulled; /* (W_L ... W_{j+1})^T residual */
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++)
                pulled[i][j] = residual[i][j];
        for (int j = DEPTH - 1; j >= 0; j--) {
            Matrix right, gradient, left, next;
            transpose(below[j], right);
            multiply(pulled, right, gradient);
            transpose(W[j], left);
            multiply(left, pulled, next);
            for (int a = 0; a < 2; a++)
                for (int b = 0; b < 2; b++) {
                    pulled[a][b] = next[a][b];
                    W[j][a][b] -= learning_rate * gradient[a][b];
                }
        }
    }
}

int main(int count, char **arguments)
{
    if (count != 6) {
        fprintf(stderr, "usage: %s steps runs learning_rate alpha target_loss\n", arguments[0]);
        return 2;
    }
    const long steps = atol(arguments[1]);
    const int runs = atoi(arguments[2]);
    const double learning_rate = atof(arguments[3]), alpha = atof(arguments[4]), target_loss = atof(arguments[5]);

    Matrix *products = malloc(runs * sizeof(Matrix));
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int r = 0; r < runs; r++) {
        Matrix W[DEPTH];
        for (int j = 0; j < DEPTH; j++)
            identity(pow(alpha * (1.0 + (double)r / runs), 1.0 / DEPTH), W[j]);
        descend(W, steps, learning_rate, target_loss, products[r]);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);

    printf("%.9f\n", (end.tv_sec - start.tv_sec) + 1e-9 * (end.tv_nsec - start.tv_nsec));
    for (int r = 0; r < runs; r++)
        printf("%.17g %.17g %.17g %.17g\n", products[r][0][0], products[r][0][1], products[r][1][0], products[r][1][1]);
    free(products);
    return 0;
}
