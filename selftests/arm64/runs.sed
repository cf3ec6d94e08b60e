# SPDX-License-Identifier: GPL-2.0-only
# What arm64's boots have otherwise than selftests/vm/runs says. There is no AMD, and
# no kvm-amd to load: kvm_test runs with the others, and says why it is skipped.
/^devices\>/s/,kvm\>\| --accel .*//g
# A second root bus is told of by ACPI alone, which the machine does not have:
# nogroup_test runs with the others, too.
/^nogroup\>/d
