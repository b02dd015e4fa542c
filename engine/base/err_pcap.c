/* SPDX-License-Identifier: BSD-3-Clause */
/* err_pcap.c - see err_pcap_int.h. The codes are those of pcap_activate(3PCAP). */
#include <errno.h>
#include <pcap/pcap.h>

#include "err_pcap_int.h"

int ceint_err_from_pcap(int code)
{
	switch (code) {
	case PCAP_ERROR_BREAK:
		return -EINTR;
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return -ENODEV;
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return -EPERM;
	case PCAP_ERROR_IFACE_NOT_UP:
		return -ENETDOWN;
	case PCAP_ERROR_RFMON_NOTSUP:
	case PCAP_ERROR_CANTSET_TSTAMP_TYPE:
	case PCAP_ERROR_TSTAMP_PRECISION_NOTSUP:
		return -EOPNOTSUPP;
	case PCAP_ERROR_NOT_ACTIVATED:
	case PCAP_ERROR_ACTIVATED:
	case PCAP_ERROR_NOT_RFMON:
		return -EINVAL;
	default:
		return -EIO;
	}
}
