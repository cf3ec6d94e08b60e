#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The static check "syzkaller" finds what the description and the header of the
# interface do not agree on. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
export CC
copy=$work/tree
header=$copy/include/uapi/linux/vfio_pci_dmabuf_mmap.h
description=$copy/selftests/fuzz/vfio_pci_dmabuf_mmap.txt

# finds SCRIPT FILE [TEXT...]: after this change by sed, these and nothing else
finds() {
	rm -rf "$copy"
	mkdir -p "$copy/selftests"
	cp -r "$src/include" "$copy"
	cp -r "$src/selftests/fuzz" "$src/selftests/static" "$copy/selftests"
	sed -i "$1" "$2"
	(cd "$copy" && selftests/static/syzkaller) >"$work/said"
	shift 2
	cat "$work/said"
	[ "$(wc -l <"$work/said")" = $# ] || return 1
	for text; do
		grep -F -- "$text" "$work/said"
	done
}

in_step() { finds '' "$header"; }
value_of_a_feature() {
	finds 's/\(_FEATURE_MEMATTR\t.*0xfd0\)1/\17/' "$header" \
		'VPDM_FEATURE_MEMATTR is not VFIO_PCI_DMABUF_MMAP_FEATURE_MEMATTR'
}
value_in_the_description() {
	finds 's/^\(define VPDM_MEMATTR_WC\t\)1/\13/' "$description" \
		'VPDM_MEMATTR_WC is not VFIO_DMA_BUF_MEMATTR_WC'
}
ioctl_number() {
	finds 's/\(DMABUF_REVOKE\t_IO.*\)22/\123/' "$header" \
		'VPDM_PCI_DMABUF_REVOKE is not VFIO_DEVICE_PCI_DMABUF_REVOKE'
}
feature_that_came() {
	finds 's/^#define VFIO_PCI_DMABUF_MMAP_FEATURE_REVOKE.*/&\n#define VFIO_PCI_DMABUF_MMAP_FEATURE_NEW\t0xfd04/' \
		"$header" 'VPDM_FEATURE_NEW is in one of them alone' \
		'vpdm_feature_numbers has no VPDM_FEATURE_NEW'
}
feature_that_went() {
	finds '/^#define VFIO_PCI_DMABUF_MMAP_FEATURE_PLAIN/d' "$header" \
		'VPDM_FEATURE_PLAIN is in one of them alone'
}
feature_that_is_not_tried() {
	finds 's/, VPDM_FEATURE_PLAIN\>//' "$description" \
		'vpdm_feature_numbers has no VPDM_FEATURE_PLAIN'
}

plan 7
ok in_step in_step
ok value_of_a_feature value_of_a_feature
ok value_in_the_description value_in_the_description
ok ioctl_number ioctl_number
ok feature_that_came feature_that_came
ok feature_that_went feature_that_went
ok feature_that_is_not_tried feature_that_is_not_tried
[ "$failed" = 0 ]
