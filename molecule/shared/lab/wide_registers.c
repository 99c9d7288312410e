/* Copyright (c) 2026 berthage.swarm contributors
 * GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Preloaded into User-Mode Linux on processors whose floating point state is larger than its kernel 6.1 knows.
 *
 * That kernel keeps 2696 bytes of it (arch/x86/um: up to AVX-512 and protection keys) and gives them back by
 * PTRACE_SETREGSET. The machine's kernel takes the whole state or nothing (xstateregs_set: EFAULT), and with AMX the
 * whole is about 11 KiB: init then dies of SIGSEGV before it has begun. What is missing here is AMX alone, which a
 * process gets only after it has asked for it (arch_prctl), and no guest has: it is filled up with its initial state.
 *
 * Without headers, so that a compiler is all it takes.
 */

typedef unsigned long word;

struct iovec {
    void *base;
    word length;
};

#define PTRACE_GETREGSET 0x4204
#define PTRACE_SETREGSET 0x4205
#define NT_X86_XSTATE 0x202
#define RTLD_NEXT ((void *)-1L)

/* Intel SDM, volume 1, 13.4.2: XSTATE_BV is the first field of the header behind the legacy region of 512 bytes. */
#define HEADER (512 / sizeof(word))
/* Bits 17 and 18 are AMX; those below are in what User-Mode Linux keeps. */
#define KEPT ((1UL << 17) - 1)
#define MOST (64 * 1024 / sizeof(word))

extern void *dlsym(void *handle, const char *name);

static long (*next)(long request, ...);
/* Not on the stack: a kernel's stack has 16 KiB. There is one processor, and no interrupt handler comes here. */
static word state[MOST];

__attribute__((constructor)) static void find_next(void)
{
    next = (long (*)(long, ...))dlsym(RTLD_NEXT, "ptrace");
}

long ptrace(long request, long process, void *address, void *data)
{
    struct iovec *given = data;
    struct iovec whole = {state, sizeof(state)};

    if (request != PTRACE_SETREGSET || (word)address != NT_X86_XSTATE)
        return next(request, process, address, data);
    if (next(PTRACE_GETREGSET, process, address, &whole) < 0 || whole.length <= given->length)
        return next(request, process, address, data);
    for (word index = 0; index < whole.length / sizeof(word); index++)
        state[index] = index < given->length / sizeof(word) ? ((word *)given->base)[index] : 0;
    state[HEADER] &= KEPT;
    return next(request, process, address, &whole);
}
