//go:build linux

#include "funcdata.h"
#include "textflag.h"

// In each frame the timespec is at the top and the kernel's code has what is below it. R20 and the stack pointer are all that is
// kept over the call, which the procedure call standard (AAPCS64) leaves alone, as it does g, in R28.

// func callSmall(function uintptr, clock int32) (nanoseconds int64)
TEXT ·callSmall(SB), NOSPLIT, $512-24
	MOVD	function+0(FP), R9
	MOVW	clock+8(FP), R0
	MOVD	RSP, R20
	ADD	$496, R20, R1
	MOVD	R1, R10
	AND	$~15, R10
	MOVD	R10, RSP
	CALL	(R9)
	MOVD	R20, RSP
	CBNZW	R0, failed
	MOVD	496(R20), R0
	MOVD	$1000000000, R1
	MUL	R1, R0
	MOVD	504(R20), R1
	ADD	R1, R0
	MOVD	R0, nanoseconds+16(FP)
	RET
failed:
	MOVD	$-1, R0
	MOVD	R0, nanoseconds+16(FP)
	RET

// func callLarge(function uintptr, clock int32) (nanoseconds int64)
TEXT ·callLarge(SB), 0, $10240-24
	NO_LOCAL_POINTERS
	MOVD	function+0(FP), R9
	MOVW	clock+8(FP), R0
	MOVD	RSP, R20
	MOVD	$10224, R1
	ADD	R20, R1
	MOVD	R1, R21
	MOVD	R1, R10
	AND	$~15, R10
	MOVD	R10, RSP
	CALL	(R9)
	MOVD	R20, RSP
	CBNZW	R0, failed
	MOVD	0(R21), R0
	MOVD	$1000000000, R1
	MUL	R1, R0
	MOVD	8(R21), R1
	ADD	R1, R0
	MOVD	R0, nanoseconds+16(FP)
	RET
failed:
	MOVD	$-1, R0
	MOVD	R0, nanoseconds+16(FP)
	RET

// func callOn(function uintptr, clock int32, time unsafe.Pointer, stack uintptr) (result int32)
TEXT ·callOn(SB), NOSPLIT, $16-36
	MOVD	function+0(FP), R9
	MOVW	clock+8(FP), R0
	MOVD	time+16(FP), R1
	MOVD	stack+24(FP), R10
	MOVD	RSP, R20
	AND	$~15, R10
	MOVD	R10, RSP
	CALL	(R9)
	MOVD	R20, RSP
	MOVW	R0, result+32(FP)
	RET
