/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel I/O: the formats of the architecture, decoded, and what is in their fields.
 *
 * In memory, and in the regions of a vfio-ccw device, all of them are big-endian. Here a structure
 * has the host's byte order, and *_from_bytes() and *_to_bytes() are the way in and out.
 *
 * Source: z/Architecture Principles of Operation (SA22-7832), chapters 13 to 17; Linux 7.3
 * arch/s390/include/{asm,uapi/asm}/{cio,scsw,schid}.h, drivers/s390/cio/{orb,cio}.h.
 */
#ifndef UMDEV_CIO_H
#define UMDEV_CIO_H

#include <stdbool.h>
#include <stdint.h>
#include <umdev/util.h>

/* ---- names of subchannels ---- */

/** struct schid - a subchannel: channel subsystem, subchannel set (0 to 3), number */
struct schid {
	uint8_t cssid;
	uint8_t ssid;
	uint16_t sch_no;
};

/* Types of subchannels: the attribute "type". */
#define SUBCHANNEL_TYPE_IO   0
#define SUBCHANNEL_TYPE_CHSC 1
#define SUBCHANNEL_TYPE_MSG  2
#define SUBCHANNEL_TYPE_ADM  3

/* ---- operation-request block ---- */

#define ORB_SIZE 12

/**
 * struct orb - what START SUBCHANNEL is given
 * @intparm: comes back with the interrupt
 * @word1:   ORB_*, key and logical-path mask
 * @cpa:     address of the first CCW
 */
struct orb {
	uint32_t intparm;
	uint32_t word1;
	uint32_t cpa;
};

#define ORB_KEY(word1) ((word1) >> 28)
#define ORB_SPND       UINT32_C(0x08000000) /* suspend control */
#define ORB_MOD	       UINT32_C(0x02000000) /* modification control */
#define ORB_SYNC       UINT32_C(0x01000000) /* synchronize control */
#define ORB_FMT	       UINT32_C(0x00800000) /* format-1 CCWs */
#define ORB_PFCH       UINT32_C(0x00400000) /* CCWs and data may be fetched ahead */
#define ORB_ISIC       UINT32_C(0x00200000) /* initial-status interruption */
#define ORB_ALCC       UINT32_C(0x00100000) /* address-limit checking */
#define ORB_SSIC       UINT32_C(0x00080000) /* suppress suspended interruption */
#define ORB_TM	       UINT32_C(0x00040000) /* transport mode */
#define ORB_C64	       UINT32_C(0x00020000) /* format-2 IDAWs */
#define ORB_I2K	       UINT32_C(0x00010000) /* format-2 IDAWs of 2 KiB */
#define ORB_LPM(word1) ((uint8_t)((word1) >> 8))
#define ORB_ILS	       UINT32_C(0x00000080) /* incorrect-length suppression mode */
#define ORB_MIDAW      UINT32_C(0x00000040) /* MIDAWs */
#define ORB_X	       UINT32_C(0x00000001) /* the block is longer */

/* ---- channel-command word ---- */

#define CCW_SIZE 8

/** struct ccw1 - a CCW, of either format */
struct ccw1 {
	uint8_t cmd_code;
	uint8_t flags;
	uint16_t count;
	uint32_t cda;
};

#define CCW_FLAG_DC	 0x80 /* chain data */
#define CCW_FLAG_CC	 0x40 /* chain command */
#define CCW_FLAG_SLI	 0x20 /* suppress length indication */
#define CCW_FLAG_SKIP	 0x10 /* transfer nothing to memory */
#define CCW_FLAG_PCI	 0x08 /* program-controlled interruption */
#define CCW_FLAG_IDA	 0x04 /* the address is that of a list of IDAWs */
#define CCW_FLAG_SUSPEND 0x02
#define CCW_FLAG_MIDA	 0x01

#define CCW_CMD_TIC	  0x08 /* in format 0 any code with low nibble 8 */
#define CCW_CMD_IS_TIC(c) ((c) == CCW_CMD_TIC)
/* What the low bits of other codes say. */
#define CCW_CMD_IS_SENSE(c)    (((c)&0x0f) == 0x04)
#define CCW_CMD_IS_READBACK(c) (((c)&0x0f) == 0x0c)
#define CCW_CMD_IS_WRITE(c)    (((c)&0x03) == 0x01)
#define CCW_CMD_IS_READ(c)     (((c)&0x03) == 0x02)
#define CCW_CMD_IS_CONTROL(c)  (((c)&0x03) == 0x03)

/* Commands that all devices have. */
#define CCW_CMD_WRITE	    0x01
#define CCW_CMD_READ	    0x02
#define CCW_CMD_NOOP	    0x03
#define CCW_CMD_BASIC_SENSE 0x04
#define CCW_CMD_SENSE_ID    0xe4

/* ---- subchannel-status word ---- */

#define SCSW_SIZE 12

/** struct scsw - what a subchannel is doing, and what came of it */
struct scsw {
	uint16_t flags; /* SCSW_FLAGS_* */
	uint16_t ctrl;	/* SCSW_FCTL_*, SCSW_ACTL_*, SCSW_STCTL_* */
	uint32_t cpa;
	uint8_t dstat; /* DEV_STAT_* */
	uint8_t cstat; /* SCHN_STAT_* */
	uint16_t count;
};

#define SCSW_FLAGS_KEY	0xf000
#define SCSW_FLAGS_SCTL 0x0800 /* suspend control */
#define SCSW_FLAGS_ESWF 0x0400 /* extended status is there */
#define SCSW_FLAGS_CC	0x0300 /* deferred condition code */
#define SCSW_FLAGS_FMT	0x0080
#define SCSW_FLAGS_PFCH 0x0040
#define SCSW_FLAGS_ISIC 0x0020
#define SCSW_FLAGS_ALCC 0x0010
#define SCSW_FLAGS_SSI	0x0008
#define SCSW_FLAGS_ZCC	0x0004
#define SCSW_FLAGS_ECTL 0x0002 /* extended control: sense is there */
#define SCSW_FLAGS_PNO	0x0001 /* path not operational */

#define SCSW_FCTL_START	      0x4000
#define SCSW_FCTL_HALT	      0x2000
#define SCSW_FCTL_CLEAR	      0x1000
#define SCSW_FCTL	      0x7000
#define SCSW_ACTL_RESUME_PEND 0x0800
#define SCSW_ACTL_START_PEND  0x0400
#define SCSW_ACTL_HALT_PEND   0x0200
#define SCSW_ACTL_CLEAR_PEND  0x0100
#define SCSW_ACTL_SCHACT      0x0080
#define SCSW_ACTL_DEVACT      0x0040
#define SCSW_ACTL_SUSPENDED   0x0020
#define SCSW_ACTL	      0x0fe0
#define SCSW_STCTL_ALERT      0x0010
#define SCSW_STCTL_INTER      0x0008
#define SCSW_STCTL_PRIM	      0x0004
#define SCSW_STCTL_SEC	      0x0002
#define SCSW_STCTL_STATUS     0x0001 /* pending */
#define SCSW_STCTL	      0x001f

#define DEV_STAT_ATTENTION  0x80
#define DEV_STAT_STAT_MOD   0x40
#define DEV_STAT_CU_END	    0x20
#define DEV_STAT_BUSY	    0x10
#define DEV_STAT_CHN_END    0x08
#define DEV_STAT_DEV_END    0x04
#define DEV_STAT_UNIT_CHECK 0x02
#define DEV_STAT_UNIT_EXCEP 0x01

#define SCHN_STAT_PCI	     0x80
#define SCHN_STAT_INCORR_LEN 0x40
#define SCHN_STAT_PROG_CHECK 0x20
#define SCHN_STAT_PROT_CHECK 0x10
#define SCHN_STAT_CHN_DATA   0x08
#define SCHN_STAT_CHN_CTRL   0x04
#define SCHN_STAT_INTF_CTRL  0x02
#define SCHN_STAT_CHAIN_CHK  0x01

/* ---- subchannel-information block ---- */

#define PMCW_SIZE  28
#define SCHIB_SIZE 52

/** struct pmcw - path-management-control word */
struct pmcw {
	uint32_t intparm;
	uint16_t flags; /* PMCW_* */
	uint16_t dev;	/* device number */
	uint8_t lpm;	/* logical-path mask */
	uint8_t pnom;	/* path not operational */
	uint8_t lpum;	/* last path used */
	uint8_t pim;	/* path installed */
	uint16_t mbi;
	uint8_t pom; /* path operational */
	uint8_t pam; /* path available */
	uint8_t chpid[8];
	uint32_t word6; /* PMCW_CSENSE, PMCW_ST() */
};

#define PMCW_QF	      0x8000 /* QDIO facility */
#define PMCW_W	      0x4000
#define PMCW_ISC      0x3800		   /* interruption subclass */
#define PMCW_ENA      0x0080		   /* enabled */
#define PMCW_LM	      0x0060		   /* limit mode */
#define PMCW_MME      0x0018		   /* measurement mode */
#define PMCW_MP	      0x0004		   /* multipath mode */
#define PMCW_TF	      0x0002		   /* timing facility */
#define PMCW_DNV      0x0001		   /* the device number is valid */
#define PMCW_CSENSE   UINT32_C(0x00000001) /* concurrent sense */
#define PMCW_ST_MASK  UINT32_C(0x00e00000)
#define PMCW_ST(word) ((unsigned int)((word) >> 21 & 7))

/** struct schib - a subchannel, as STORE SUBCHANNEL tells and MODIFY SUBCHANNEL changes it */
struct schib {
	struct pmcw pmcw;
	struct scsw scsw;
	uint64_t mba;
	uint8_t mda[4];
};

/* ---- interruption-response block ---- */

#define IRB_SIZE   96
#define SENSE_SIZE 32

/** struct irb - what TEST SUBCHANNEL tells */
struct irb {
	struct scsw scsw;
	uint32_t esw[5];	 /* word 0: last path used; word 1: ERW_* */
	uint8_t ecw[SENSE_SIZE]; /* sense, with SCSW_FLAGS_ECTL and ERW_CONS */
};

#define ERW_CONS       UINT32_C(0x01000000) /* concurrent sense is there */
#define ERW_SCNT_SHIFT 16		    /* how many bytes of it */

/* ---- channel-report word ---- */

/** struct crw - news of the channel subsystem: what kind of thing, what has happened, which */
struct crw {
	uint16_t flags; /* CRW_FLAG_*, CRW_RSC_*, CRW_ERC_* */
	uint16_t rsid;
};

#define CRW_FLAG_SOLICITED 0x4000
#define CRW_FLAG_OVERFLOW  0x2000
#define CRW_FLAG_CHAINED   0x1000
#define CRW_RSC(flags)	   ((flags) >> 8 & 0xf)
#define CRW_FLAG_ANCILLARY 0x0080
#define CRW_ERC(flags)	   ((flags)&0x3f)
#define CRW_RSC_SCH	   0x3
#define CRW_RSC_CPATH	   0x4
#define CRW_RSC_CSS	   0xb
#define CRW_ERC_EVENT	   0x00
#define CRW_ERC_AVAIL	   0x01
#define CRW_ERC_INIT	   0x02
#define CRW_ERC_TERROR	   0x03
#define CRW_ERC_IPARM	   0x04
#define CRW_ERC_TERM	   0x05
#define CRW_ERC_PERRN	   0x06
#define CRW_ERC_PERRI	   0x07
#define CRW_ERC_PMOD	   0x08

/* ---- in and out: all take and give the architecture's bytes ---- */

static inline uint16_t cio_get16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t cio_get32(const uint8_t *b)
{
	return (uint32_t)cio_get16(b) << 16 | cio_get16(b + 2);
}

static inline uint64_t cio_get64(const uint8_t *b)
{
	return (uint64_t)cio_get32(b) << 32 | cio_get32(b + 4);
}

static inline void cio_put16(uint8_t *b, uint16_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static inline void cio_put32(uint8_t *b, uint32_t v)
{
	cio_put16(b, (uint16_t)(v >> 16));
	cio_put16(b + 2, (uint16_t)v);
}

static inline void cio_put64(uint8_t *b, uint64_t v)
{
	cio_put32(b, (uint32_t)(v >> 32));
	cio_put32(b + 4, (uint32_t)v);
}

static inline struct orb orb_from_bytes(const uint8_t b[ORB_SIZE])
{
	return (struct orb) { .intparm = cio_get32(b),
			      .word1 = cio_get32(b + 4),
			      .cpa = cio_get32(b + 8) };
}

/** ccw_from_bytes - decode a CCW. @fmt1: its format; a TIC of format 0 gets CCW_CMD_TIC, no more */
static inline struct ccw1 ccw_from_bytes(const uint8_t b[CCW_SIZE], bool fmt1)
{
	if (fmt1)
		return (struct ccw1) { .cmd_code = b[0],
				       .flags = b[1],
				       .count = cio_get16(b + 2),
				       .cda = cio_get32(b + 4) };
	if ((b[0] & 0x0f) == CCW_CMD_TIC)
		return (struct ccw1) { .cmd_code = CCW_CMD_TIC, .cda = cio_get32(b) & 0x00ffffff };
	return (struct ccw1) { .cmd_code = b[0],
			       .flags = b[4],
			       .count = cio_get16(b + 6),
			       .cda = cio_get32(b) & 0x00ffffff };
}

static inline struct scsw scsw_from_bytes(const uint8_t b[SCSW_SIZE])
{
	return (struct scsw) { .flags = cio_get16(b),
			       .ctrl = cio_get16(b + 2),
			       .cpa = cio_get32(b + 4),
			       .dstat = b[8],
			       .cstat = b[9],
			       .count = cio_get16(b + 10) };
}

static inline void scsw_to_bytes(const struct scsw *scsw, uint8_t b[SCSW_SIZE])
{
	cio_put16(b, scsw->flags);
	cio_put16(b + 2, scsw->ctrl);
	cio_put32(b + 4, scsw->cpa);
	b[8] = scsw->dstat;
	b[9] = scsw->cstat;
	cio_put16(b + 10, scsw->count);
}

static inline void schib_to_bytes(const struct schib *schib, uint8_t b[SCHIB_SIZE])
{
	const struct pmcw *p = &schib->pmcw;
	unsigned int i;

	cio_put32(b, p->intparm);
	cio_put16(b + 4, p->flags);
	cio_put16(b + 6, p->dev);
	b[8] = p->lpm;
	b[9] = p->pnom;
	b[10] = p->lpum;
	b[11] = p->pim;
	cio_put16(b + 12, p->mbi);
	b[14] = p->pom;
	b[15] = p->pam;
	for (i = 0; i < 8; i++)
		b[16 + i] = p->chpid[i];
	cio_put32(b + 24, p->word6);
	scsw_to_bytes(&schib->scsw, b + PMCW_SIZE);
	cio_put64(b + 40, schib->mba);
	for (i = 0; i < 4; i++)
		b[48 + i] = schib->mda[i];
}

static inline void irb_to_bytes(const struct irb *irb, uint8_t b[IRB_SIZE])
{
	unsigned int i;

	scsw_to_bytes(&irb->scsw, b);
	for (i = 0; i < 5; i++)
		cio_put32(b + 12 + 4 * i, irb->esw[i]);
	for (i = 0; i < SENSE_SIZE; i++)
		b[32 + i] = irb->ecw[i];
	for (i = 64; i < IRB_SIZE; i++)
		b[i] = 0;
}

#endif
