//go:build linux

#include "funcdata.h"
#include "textflag.h"

// In each frame the timespec is at the top and the kernel's code has what is below it. BX and SP are all that is kept over the
// call, which the System V ABI leaves alone. What Go keeps in other registers its wrapper of an assembly function restores.

// func callSmall(function uintptr, clock int32) (nanoseconds int64)
TEXT ·callSmall(SB), NOSPLIT, $512-24
	MOVQ	function+0(FP), AX
	MOVL	clock+8(FP), DI
	MOVQ	SP, BX
	LEAQ	496(SP), SI
	MOVQ	SI, SP
	ANDQ	$~15, SP
	CALL	AX
	MOVQ	BX, SP
	TESTL	AX, AX
	JNE	failed
	MOVQ	496(SP), AX
	IMULQ	$1000000000, AX
	ADDQ	504(SP), AX
	MOVQ	AX, nanoseconds+16(FP)
	RET
failed:
	MOVQ	$-1, nanoseconds+16(FP)
	RET

// func callLarge(function uintptr, clock int32) (nanoseconds int64)
TEXT ·callLarge(SB), 0, $10240-24
	NO_LOCAL_POINTERS
	MOVQ	function+0(FP), AX
	MOVL	clock+8(FP), DI
	MOVQ	SP, BX
	LEAQ	10224(SP), SI
	MOVQ	SI, SP
	ANDQ	$~15, SP
	CALL	AX
	MOVQ	BX, SP
	TESTL	AX, AX
	JNE	failed
	MOVQ	10224(SP), AX
	IMULQ	$1000000000, AX
	ADDQ	10232(SP), AX
	MOVQ	AX, nanoseconds+16(FP)
	RET
failed:
	MOVQ	$-1, nanoseconds+16(FP)
	RET

// func callOn(function uintptr, clock int32, time unsafe.Pointer, stack uintptr) (result int32)
TEXT ·callOn(SB), NOSPLIT, $16-36
	MOVQ	function+0(FP), AX
	MOVL	clock+8(FP), DI
	MOVQ	time+16(FP), SI
	MOVQ	stack+24(FP), DX
	MOVQ	SP, BX
	MOVQ	DX, SP
	ANDQ	$~15, SP
	CALL	AX
	MOVQ	BX, SP
	MOVL	AX, result+32(FP)
	RET
