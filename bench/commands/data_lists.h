/* SPDX-License-Identifier: MIT
 *
 * The kinds of `balact data` that look at list files.
 */
#ifndef BALACT_BENCH_DATA_LISTS_H
#define BALACT_BENCH_DATA_LISTS_H

int data_command_list(int argc, char **argv);
int data_command_imagenet_lt(int argc, char **argv);
int data_command_places_lt(int argc, char **argv);

#endif
