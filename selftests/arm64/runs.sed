# SPDX-License-Identifier: GPL-2.0-only
# What arm64's boots have otherwise than selftests/vm/runs says. There is no
# kvm-amd to load: kvm_test runs with the others, and says why it is skipped.
/^kvm\>/d
