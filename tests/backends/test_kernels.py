"""Names of kernels, from lines and traces that libraries printed."""

from __future__ import annotations

import torch

from benchbert.backends.kernels import Kernels, _mkl_path, _onednn, instructions_in, mkl_and_onednn_kernels

LINE = (
    "onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx512_core_amx,undef,src:bf16::blocked:ab::f0 "
    "wei:bf16::blocked:ab::f0 dst:bf16::blocked:ab::f0,attr-scratchpad:user,,64x64:64x64,0.052002"
)
MKL = (
    "MKL_VERBOSE oneMKL 2024.0 Update 2 Product build 20240605 for Intel(R) 64 architecture {} processors, Lnx 2.60GHz "
    "lp64 gnu_thread"
)


def test_onednn_says_which_implementation_ran() -> None:
    assert _onednn(LINE) == "matmul brg_matmul:avx512_core_amx"
    assert _onednn(LINE.replace("exec", "create:cache_hit")) == ""
    assert _onednn("onednn_verbose,v1,info,cpu,isa:Intel AVX-512") == ""


def test_instruction_sets_are_read_from_names() -> None:
    assert instructions_in(["matmul brg_matmul:avx512_core_amx"]) == {"avx512_core_amx"}
    assert instructions_in(["inner_product brgemm:avx512_core_bf16"]) == {"avx512_core_bf16"}
    assert instructions_in(["FullyConnected brgemm_avx512_bf16"]) == {"avx512"}
    assert instructions_in(["MatMul gemm_mlas_f32", "Gelu", "MatMulIntegerToFloat"]) == set()
    tensor_cores = "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64"
    assert {"sm90", "xmma"} <= instructions_in([tensor_cores])
    assert "s16816gemm" in instructions_in(["ampere_bf16_s16816gemm_bf16_128x64_ldg8_f2f_stages_64x4_tn"])


def test_mkl_says_which_code_it_takes() -> None:
    intel = "Intel(R) Advanced Vector Extensions 512 (Intel(R) AVX-512) enabled"
    assert _mkl_path(MKL.format(intel)) == "Intel(R) AVX-512"
    assert _mkl_path(MKL.format("Intel(R) Architecture")) == "Intel(R) Architecture"
    assert _mkl_path("MKL_VERBOSE SGEMM(N,N,64,64,64) 171.06us") == ""


def test_a_real_product_is_seen() -> None:
    a = torch.ones(64, 64)
    found = mkl_and_onednn_kernels(lambda: (a @ a, a.bfloat16() @ a.bfloat16()))
    if torch.backends.mkldnn.is_available() or torch.backends.mkl.is_available():
        assert sum(found.names.values()) >= 1
    assert found.record["source"]


def test_at_most_forty_names_the_most_frequent_first() -> None:
    found = Kernels.counted([f"k{i}" for i in range(60)] + ["k59"], "a test")
    assert len(found.names) == 40
    assert next(iter(found.names)) == "k59"
