/* Files and folders of a test's own: in $TMPDIR, which tests/run clears at its start, else in /tmp. What a
 * test that crashed left there is in no one's way. Each begins empty; the caller removes it. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

enum { TEST_PATH = 64 };

void test_scratch(char path[TEST_PATH]);
void test_scratch_folder(char path[TEST_PATH]);

#endif
