#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The static check "documents" finds what is out of step. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
copy=$work/tree

new_copy() {
	rm -rf "$copy"
	mkdir "$copy"
	(
		cd "$src"
		find . \( -path ./build -o -name '.?*' \) -prune -o -type f -print0 |
			xargs -0 cp -p --parents -t "$copy"
	)
}
documents() { (cd "$copy" && selftests/static/documents) | tee "$work/said"; }

# finds TEXT: this, and nothing else
finds() {
	documents
	grep -qF -- "$1" "$work/said" && [ "$(wc -l <"$work/said")" = "${2:-1}" ]
}

tree_is_in_step() {
	new_copy
	documents
	[ ! -s "$work/said" ]
}

kernel_that_came() {
	new_copy
	printf '9.1\tcheck\n' >>"$copy/selftests/vm/kernels"
	finds ' and 9.1"' 2
	grep -F '"6.1 to 9.1"' "$work/said"
}

kernel_that_went() {
	new_copy
	sed -i '/^6\.1\t/d' "$copy/selftests/vm/kernels"
	documents
	grep -F 'README.md: nowhere "Linux 6.12 or later"' "$work/said"
	grep -F 'selftests/vm/README: KERNELS=6.1, and' "$work/said"
}

kernel_in_an_example() {
	new_copy
	echo '    make check KERNELS="7.2 8.0"' >>"$copy/README.md"
	finds 'README.md: KERNELS="7.2 8.0, and selftests/vm/kernels has no 8.0'
}

target_that_went() {
	new_copy
	sed -i 's/^\(\.PHONY:.*\) demo/\1/' "$copy/Makefile"
	documents
	grep -F 'README.md: there is no "make demo"' "$work/said"
}

file_that_went() {
	new_copy
	mv "$copy/selftests/vm/devices" "$copy/selftests/vm/cards"
	documents
	grep -F 'Documentation/testing.rst: there is no selftests/vm/devices' \
		"$work/said"
}

# shellcheck disable=SC2016 # reST's
parameter_that_came() {
	new_copy
	echo 'module_param(new, int, 0444);' >>"$copy/fault.c"
	finds 'install.rst: nowhere "``new``"'
}

# shellcheck disable=SC2016 # reST's
tracepoint_that_came() {
	new_copy
	printf 'TRACE_EVENT(vpdm_new,\nDEFINE_EVENT(vpdm_buf, vpdm_newer,\n' \
		>>"$copy/trace.h"
	finds 'tracing.rst: nowhere "``vpdm_new``"' 2
	grep -F 'nowhere "``vpdm_newer``"' "$work/said"
}

feature_that_came() {
	new_copy
	{
		echo '#define VFIO_PCI_DMABUF_MMAP_FEATURE_NEW 0xfdff'
		echo ' * DOC: VFIO_DEVICE_FEATURE_DMA_BUF_NEW'
		echo 'struct vfio_device_feature_dma_buf_new {'
	} >>"$copy/include/uapi/linux/vfio_pci_dmabuf_mmap.h"
	finds 'uapi.rst: nowhere ":doc: VFIO_DEVICE_FEATURE_DMA_BUF_NEW"' 3
	grep -F 'nowhere "- 0xfdff"' "$work/said"
	grep -F 'nowhere "vfio_device_feature_dma_buf_new"' "$work/said"
}

command_that_came() {
	new_copy
	printf '\t{ "new", cmd_new,\n' >>"$copy/tools/main.c"
	finds 'vfio-dmabuf.8: nowhere ".It Cm new"' 2
	grep -F 'vfio-dmabuf.bash: does not complete "new"' "$work/said"
}

client_that_came() {
	new_copy
	printf 'boot\t7.2\ttools\tquick\tnew:stock,own\n' \
		>>"$copy/integration/clients/runs"
	finds 'no script guest/new' 2
	grep -F 'clients.rst: no paragraph new' "$work/said"
}

plan 11
ok tree_is_in_step tree_is_in_step
ok kernel_that_came kernel_that_came
ok kernel_that_went kernel_that_went
ok kernel_in_an_example kernel_in_an_example
ok target_that_went target_that_went
ok file_that_went file_that_went
ok parameter_that_came parameter_that_came
ok tracepoint_that_came tracepoint_that_came
ok feature_that_came feature_that_came
ok command_that_came command_that_came
ok client_that_came client_that_came
[ "$failed" = 0 ]
